import type { ServeContext } from "holdfast";

import type { Kinds } from "../kinds.ts";
import { sessionUri } from "./uris.ts";

/** After these the caller has other sessions or workflows than before. */
const changesList: ReadonlySet<string> = new Set(["create_session", "end_session", "start_workflow"]);

/** Tells the caller's clients what a tool that was successful has changed. Neither waits nor throws. */
export function announceChange(
  tool: string,
  result: Readonly<Record<string, unknown>>,
  { notify }: Pick<ServeContext<Kinds>, "notify">,
): void {
  const { session_id: id } = result;
  if (changesList.has(tool)) notify.resourcesChanged();
  if (typeof id === "string") notify.resourceUpdated(sessionUri(id));
}
