/** The door `holdfast/oauth`: access tokens of an OAuth issuer. */
export { type OAuth, oauth } from "./oauth.ts";
export type { OAuthOptions, TokenClaims } from "./options.ts";
