/**
 * Which protocol era a request belongs to. The body decides; the version header is only a cross-check, except for
 * notifications, which carry no claim of their own. Agrees with `classifyInboundRequest` of the official SDK (a test
 * holds them equal) but looks at three fields only, since every request of either era passes here.
 */
import { classifyInboundRequest, PROTOCOL_VERSION_META_KEY } from "@modelcontextprotocol/server";
import { isObject } from "../is-object.ts";

const firstStatelessVersion = "2026-07-28";
const versionPattern = /^\d{4}-\d{2}-\d{2}$/;

export type Era = "2025" | "2026";

/** Whether a version header names a revision without sessions. Names that are no dates belong to the older era. */
export function namesStatelessEra(version: string | undefined): boolean {
  return version !== undefined && versionPattern.test(version) && version >= firstStatelessVersion;
}

/** The era that has to answer a POST. Malformed messages belong to the era they claim. */
export function eraOf(body: unknown, header: (name: string) => string | undefined): Era {
  const version = header("mcp-protocol-version")?.trim();
  if (Array.isArray(body)) return body.some((message) => claimsEnvelope(message)) ? "2026" : "2025";
  if (!isObject(body)) return "2025";
  if (claimsEnvelope(body)) return body["method"] === "initialize" ? classify(body, version) : "2026";
  return namesStatelessEra(version) && typeof body["method"] === "string" ? "2026" : "2025";
}

/** `initialize` opens a 2025-era session unless it carries a whole, valid envelope of the newer era. */
function classify(body: unknown, version: string | undefined): Era {
  const outcome = classifyInboundRequest({
    httpMethod: "POST",
    body,
    ...(version === undefined ? {} : { protocolVersionHeader: version }),
  });
  return outcome.kind === "legacy" ? "2025" : "2026";
}

function claimsEnvelope(message: unknown): boolean {
  if (!isObject(message) || !isObject(message["params"])) return false;
  const meta = message["params"]["_meta"];
  return isObject(meta) && PROTOCOL_VERSION_META_KEY in meta;
}
