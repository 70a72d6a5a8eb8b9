import { isEngineKind } from "../record/ids.ts";
import { invalid } from "./refusals.ts";

/** Kinds of holdfast's own, and what a state offers besides kinds. */
const builtIn: ReadonlySet<string> = new Set(["session", "lock", "channel", "once", "grant"]);

/** Throws `INVALID_ARGUMENT` for the name of a kind that is holdfast's own. */
export function refuseOwnName(name: unknown): void {
  if (typeof name === "string" && (builtIn.has(name) || isEngineKind(name))) {
    throw invalid(`kind "${name}" is holdfast's own; choose another name`);
  }
}
