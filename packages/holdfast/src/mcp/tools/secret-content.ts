/** Tools whose calls are remembered without what went in and came out: it is sealed where it is stored, and a turn may not be. */
import type { McpServer } from "@modelcontextprotocol/server";

const mark: unique symbol = Symbol("holdfast.secret-content");

/** As a symbol it is seen by nobody but us: neither by clients nor by the SDK. */
export function isSecret(config: object): boolean {
  return mark in config;
}

/** The same server, for registering such tools only. */
export function registeringSecret(server: McpServer): McpServer {
  // The SDK's overloads tie the callback's type to the schema's; here both pass through unseen.
  const register = Reflect.get(server, "registerTool").bind(server) as (
    name: string,
    config: object,
    callback: unknown,
  ) => unknown;
  const registerTool = (name: string, config: object, callback: unknown): unknown =>
    register(name, Object.assign({ ...config }, { [mark]: true }), callback);
  // Everything else it inherits.
  return Object.create(server, { registerTool: { value: registerTool } }) as McpServer;
}
