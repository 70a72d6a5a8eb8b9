/**
 * mcp-use as its documentation sets it up for several servers: sessions and streams in Redis. Its counters are in Redis
 * too, one command for each count. What would cost it without being part of the work is off: telemetry, and the console it
 * tells of every request.
 */
import { redisCounters } from "./redis-counters.ts";
import { answer, type CounterCall, counted, countTool, otherTools } from "./tools.ts";

/** What is used of it: it is installed apart from this workspace, and its types with it. */
type Server = {
  tool(definition: object, run: (input: CounterCall, context: Context) => Promise<object>): void;
  listen(port: number): Promise<void>;
};
type Context = { readonly session: { readonly sessionId: string } };
type McpUse = {
  readonly MCPServer: new (config: object) => Server;
  readonly RedisSessionStore: new (config: { readonly client: unknown }) => object;
  readonly RedisStreamManager: new (config: { readonly client: unknown; readonly pubSubClient: unknown }) => object;
};

const [, , url, framework, port] = process.argv;
if (url === undefined || framework === undefined || port === undefined) {
  throw new Error("usage: mcp-use-redis.js URL FRAMEWORK PORT");
}
// Before it is loaded: it reads them then.
process.env["MCP_USE_ANONYMIZED_TELEMETRY"] = "false";
process.env["NODE_ENV"] = "production";
process.env["HOST"] = "127.0.0.1";
console.log = () => undefined;

const { MCPServer, RedisSessionStore, RedisStreamManager } = (await import(framework)) as McpUse;
const { client, duplicate, add } = await redisCounters(url);

const server = new MCPServer({
  name: "bench",
  version: "1.0.0",
  sessionStore: new RedisSessionStore({ client }),
  streamManager: new RedisStreamManager({ client, pubSubClient: await duplicate() }),
});
server.tool(countTool, (input, { session }) =>
  counted(({ counter, by }) => add(session.sessionId, counter, by), input),
);
for (const tool of otherTools) server.tool(tool, async (input) => answer(input));
await server.listen(Number(port));
process.send?.({ port: Number(port) });
process.on("disconnect", () => process.exit(0));
