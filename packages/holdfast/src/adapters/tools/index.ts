/** The state API inside servers that holdfast does not serve: those of the SDK's first major, of FastMCP, of tmcp. */
export { type PrincipalOfTokenOptions, principalOfToken, type TokenInfo } from "./principal.ts";
export { reply, type TextResult } from "./result.ts";
export { type Stateful, type StatefulContext, type StatefulOptions, statefulTools } from "./stateful.ts";
