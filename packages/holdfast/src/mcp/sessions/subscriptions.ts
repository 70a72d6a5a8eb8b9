/** Which resources a session wants to hear of. Kept in its record, so that it holds on every node. */
import type { JSONRPCRequest } from "@modelcontextprotocol/server";

import { HoldfastError } from "../../record/errors.ts";
import type { Owner } from "../../record/record.ts";
import { tooManyResources } from "../subscribed.ts";
import type { SessionDeps } from "./deps.ts";
import type { SessionNews } from "./news.ts";
import type { Subscriptions } from "./transport-record.ts";
import { changeTransport } from "./transport-store.ts";

/** What a request does to a session's subscriptions; undefined if nothing. */
export function isAboutSubscriptions({ method }: JSONRPCRequest): boolean {
  return method === "resources/subscribe" || method === "resources/unsubscribe";
}

/**
 * Takes a subscription that the server has accepted, or its end. Throws `QUOTA_EXCEEDED` where there are too many: the record
 * is read with every request that finds its session cold, so it has to stay small.
 */
export async function keepSubscription(
  deps: SessionDeps,
  news: Pick<SessionNews, "headsFor"> | undefined,
  session: { readonly owner: Owner; readonly id: string },
  request: JSONRPCRequest,
): Promise<void> {
  const uri = String(request.params?.["uri"]);
  const at = request.method === "resources/subscribe" ? ((await news?.headsFor(session)) ?? [0, 0]) : undefined;
  await changeTransport(deps, session.owner, session.id, (standing) => {
    const { [uri]: _gone, ...others } = standing.subscriptions ?? {};
    return { ...standing, subscriptions: at === undefined ? others : bounded({ ...others, [uri]: at }) };
  });
}

function bounded(subscriptions: Subscriptions): Subscriptions {
  const refused = tooManyResources(Object.keys(subscriptions));
  if (refused !== undefined) throw new HoldfastError("QUOTA_EXCEEDED", refused);
  return subscriptions;
}
