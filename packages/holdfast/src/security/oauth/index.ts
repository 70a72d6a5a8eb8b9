/** Access tokens of an OAuth issuer as proof of who calls. */
export { type OAuth, oauth } from "./oauth.ts";
export type { OAuthOptions, TokenClaims } from "./options.ts";
