import type { ServerNotifier } from "@modelcontextprotocol/server";
import { anonymousPrincipal } from "../security/anonymous.ts";
import type { Authenticate } from "../security/authenticate.ts";
import { parseWireId } from "./sessions/wire-id.ts";

/**
 * For `serve(…, { authenticate: publicAnonymous })`: everybody who can reach the endpoint is served, and nobody is known. A
 * handle is a capability and its own owner: whoever knows it has what it names, and nobody can list anything, or share a
 * name. 2025-era sessions are held by their wire id alone. What one handle may take is bounded; how many there are is not.
 *
 * @example
 * serve(hold, info, build, { authenticate: publicAnonymous, allowedHosts: ["mcp.example.com"] });
 */
export const publicAnonymous: Authenticate = (request) => {
  const wireId = parseWireId(request.header("mcp-session-id") ?? "");
  return { ok: true, principal: anonymousPrincipal(wireId?.handle) };
};

/** A change of a list would tell strangers that somebody has done something; one of a resource reaches those who know it. */
export function withoutLists(notifier: ServerNotifier): ServerNotifier {
  const nobody = (): void => undefined;
  return { ...notifier, toolsChanged: nobody, promptsChanged: nobody, resourcesChanged: nobody };
}
