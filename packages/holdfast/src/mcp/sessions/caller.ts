import type { MessageExtraInfo } from "@modelcontextprotocol/server";

import { authInfoOf } from "../auth-info.ts";
import type { Inbound } from "../exchange.ts";

/** What a handler may know of the request. */
export function extraOf(inbound: Inbound): MessageExtraInfo {
  return { request: inbound.request(), authInfo: authInfoOf(inbound.principal) };
}
