/** As much of mcp-use 1.x as the pages use; what holdfast gives to it is held to its real types. */
declare module "mcp-use/server" {
  import type { sessionStore, streamManager } from "holdfast/adapters/mcp-use";

  type SessionStore = ReturnType<typeof sessionStore>;
  type StreamManager = ReturnType<typeof streamManager>;
  export const MCPServer: new (options: {
    readonly name: string;
    readonly version: string;
    readonly sessionStore: SessionStore;
    readonly streamManager: StreamManager;
  }) => object;
  // A client of the package "redis".
  type Client = object;
  export const RedisSessionStore: new (options: {
    readonly client: Client;
    readonly defaultTTL: number;
  }) => SessionStore;
  export const RedisStreamManager: new (options: {
    readonly client: Client;
    readonly pubSubClient: Client;
  }) => StreamManager;
}
