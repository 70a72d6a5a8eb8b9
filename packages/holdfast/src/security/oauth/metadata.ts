/** Where clients learn whose tokens this server takes (RFC 9728). */
import type { AuthRequest } from "../authenticate.ts";
import { isLoopbackName, type ResolvedOAuthOptions } from "./options.ts";

const wellKnown = "/.well-known/oauth-protected-resource";

/** The path of the resource, from the path its metadata is asked for at. Undefined for any other path. */
export function resourcePath(path: string): string | undefined {
  if (path === wellKnown) return "/";
  return path.startsWith(`${wellKnown}/`) ? path.slice(wellKnown.length) : undefined;
}

/** The path of a URL that may begin with it. */
export function pathOf(url: string): string {
  return URL.canParse(url, "http://localhost") ? new URL(url, "http://localhost").pathname : "/";
}

/** The URL of the resource that a request is for, and of its metadata: the path goes after the well-known part. */
export function placesOf(
  { header, url }: Pick<AuthRequest, "header" | "url">,
  configured: string | undefined,
): { readonly resource: string; readonly metadata: string } | undefined {
  const resource = configured === undefined ? asAskedFor(header("host"), url) : new URL(configured);
  if (resource === undefined) return undefined;
  const path = resource.pathname === "/" ? "" : resource.pathname;
  return { resource: `${resource.origin}${path}${resource.search}`, metadata: `${resource.origin}${wellKnown}${path}` };
}

/** What is not on this machine is behind something that ends TLS. */
function asAskedFor(host: string | undefined, url: string): URL | undefined {
  const bare = `http://${host ?? ""}`;
  if (host === undefined || !URL.canParse(bare)) return undefined;
  const { hostname } = new URL(bare);
  const asked = `${isLoopbackName(hostname) ? "http" : "https"}://${host}${pathOf(url)}`;
  return URL.canParse(asked) ? new URL(asked) : undefined;
}

export function metadataOf(resource: string, options: ResolvedOAuthOptions): Readonly<Record<string, unknown>> {
  const scopes = [...new Set([...options.requiredScopes, ...options.offeredScopes])];
  return {
    resource,
    authorization_servers: [options.issuer],
    bearer_methods_supported: ["header"],
    ...(scopes.length > 0 && { scopes_supported: scopes }),
  };
}
