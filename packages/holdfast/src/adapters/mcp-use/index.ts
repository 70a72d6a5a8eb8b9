/** For servers built with `mcp-use` 1.x; its second major has no sessions. */
export { type McpUseSessionStore, type SessionStoreOptions, sessionStore } from "./session-store.ts";
export { type McpUseStreamManager, streamManager } from "./stream-manager.ts";
