/** Which scopes calls of tools need. Looked at before anything else is done for a call, and again before the tool. */
import { localUser, type Principal } from "../security/principal.ts";
import { isObject } from "./is-object.ts";

/** By the tool's name. A map, since tools may be called anything. */
export type ToolScopes = ReadonlyMap<string, readonly string[]>;

/** The scopes a tool needs, where one of them is missing. The local user is whoever runs the server and needs none. */
export function missingFor(
  tool: string,
  { issuer, scopes }: Pick<Principal, "issuer" | "scopes">,
  needed: ToolScopes,
): readonly string[] | undefined {
  const wanted = needed.get(tool);
  if (wanted === undefined || issuer === localUser.issuer) return undefined;
  return wanted.every((scope) => scopes.includes(scope)) ? undefined : wanted;
}

/** The same for the calls in a message, or in each of a batch. */
export function missingForMessage(
  body: unknown,
  principal: Principal,
  needed: ToolScopes,
): readonly string[] | undefined {
  if (needed.size === 0) return undefined;
  for (const message of Array.isArray(body) ? body : [body]) {
    if (!isObject(message) || message["method"] !== "tools/call" || !isObject(message["params"])) continue;
    const { name } = message["params"];
    const missing = typeof name === "string" ? missingFor(name, principal, needed) : undefined;
    if (missing !== undefined) return missing;
  }
  return undefined;
}
