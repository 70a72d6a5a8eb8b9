import type { MessageExtraInfo } from "@modelcontextprotocol/server";

import type { Inbound } from "../exchange.ts";

/** What a handler may know of the request. The token itself goes no further than authentication. */
export function extraOf(inbound: Inbound): MessageExtraInfo {
  const { issuer, subject, clientId, scopes } = inbound.principal;
  return {
    request: inbound.request(),
    authInfo: { token: "", clientId: clientId ?? "", scopes: [...scopes], extra: { issuer, subject } },
  };
}
