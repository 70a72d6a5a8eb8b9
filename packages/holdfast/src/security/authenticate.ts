import type { Principal } from "./principal.ts";

/** What authentication looks at. Headers by lower-case name; repeated ones joined as HTTP says. */
export type AuthRequest = { header(name: string): string | undefined; readonly url: string; readonly method: string };

/** Who calls, or why nobody may: a 401 or 403 with `WWW-Authenticate` (RFC 6750; `basic/authorization`, "Error Handling"). */
export type AuthAnswer =
  | {
      readonly ok: true;
      readonly principal: Principal;
      /** Where clients find out how to get a token that may do more: named in the challenge when a scope is missing. */
      readonly resourceMetadata?: string;
    }
  | { readonly ok: false; readonly status: 401 | 403; readonly challenge?: string; readonly message: string };

/**
 * Says who is asking, from the verified token and nothing else. Asked again every 20 seconds with the same request while an
 * answer streams: where it refuses then, or names somebody else or other scopes, the stream is ended.
 */
export type Authenticate = (request: AuthRequest) => AuthAnswer | Promise<AuthAnswer>;
