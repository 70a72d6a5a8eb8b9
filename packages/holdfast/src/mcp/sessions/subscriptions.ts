/** Which resources a session wants to hear of. Kept in its record, so that it holds on every node. */
import type { JSONRPCRequest } from "@modelcontextprotocol/server";

import { HoldfastError } from "../../record/errors.ts";
import type { Owner } from "../../record/record.ts";
import type { SessionDeps } from "./deps.ts";
import type { SessionNews } from "./news.ts";
import type { Subscriptions } from "./transport-record.ts";
import { changeTransport } from "./transport-store.ts";

/** The record is read with every request that finds its session cold, so it has to stay small. */
const maxSubscriptions = 256;
const maxUriLength = 2_048;
const maxLength = 32_768;

/** What a request does to a session's subscriptions; undefined if nothing. */
export function isAboutSubscriptions({ method }: JSONRPCRequest): boolean {
  return method === "resources/subscribe" || method === "resources/unsubscribe";
}

/** Takes a subscription that the server has accepted, or its end. Throws `QUOTA_EXCEEDED` where there are too many. */
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
    return { ...standing, subscriptions: at === undefined ? others : bounded({ ...others, [uri]: at }, uri) };
  });
}

function bounded(subscriptions: Subscriptions, added: string): Subscriptions {
  const uris = Object.keys(subscriptions);
  const length = uris.reduce((sum, uri) => sum + uri.length, 0);
  if (uris.length <= maxSubscriptions && length <= maxLength && added.length <= maxUriLength) return subscriptions;
  throw new HoldfastError(
    "QUOTA_EXCEEDED",
    `a session subscribes to at most ${maxSubscriptions} resources, whose addresses have ${maxLength} characters together and ${maxUriLength} each`,
  );
}
