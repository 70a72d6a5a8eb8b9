/** For servers built with FastMCP for TypeScript (`fastmcp`). */
export { type FastMcpTokenStorage, type TokenStorageOptions, tokenStorage } from "./token-storage.ts";
