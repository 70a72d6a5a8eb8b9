/**
 * What stands around every handler a server instance gets, the SDK's own (`tools/list`, `resources/read`, …) as well as the
 * author's. Handlers are wrapped as they are registered, so it has to be there before anything is.
 */
import type { McpServer } from "@modelcontextprotocol/server";

export type Handler = (...given: readonly unknown[]) => unknown;
/** `takes` says what the handler is given: the request, or, where it came with schemas of its own, the parameters in it. */
export type Wrap = (method: string, handler: Handler, takes: "request" | "params") => Handler;
type Register = (method: string, ...given: readonly unknown[]) => void;

/** What is put around later stands further inside. */
export function aroundHandlers({ server }: McpServer, wrap: Wrap): void {
  // The SDK's overloads tie the handler's type to the method's; here both pass through unseen.
  const register = server.setRequestHandler.bind(server) as unknown as Register;
  const wrapped: Register = (method, ...given) => {
    const handler = given.at(-1);
    if (typeof handler !== "function") return register(method, ...given);
    // Whatever is registered last is called as a handler is.
    register(
      method,
      ...given.slice(0, -1),
      wrap(method, handler as Handler, given.length === 1 ? "request" : "params"),
    );
  };
  Object.defineProperty(server, "setRequestHandler", { value: wrapped, configurable: true, writable: true });
}
