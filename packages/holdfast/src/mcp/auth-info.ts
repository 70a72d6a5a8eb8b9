import type { AuthInfo } from "@modelcontextprotocol/server";
import type { Principal } from "../security/principal.ts";

/** The principal as the SDK's tools and scope checks know it. The token itself stays with whoever verified it. */
export function authInfoOf({ issuer, subject, clientId, scopes }: Principal): AuthInfo {
  return { token: "", clientId: clientId ?? "", scopes: [...scopes], extra: { issuer, subject } };
}
