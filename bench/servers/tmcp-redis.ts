/**
 * tmcp as its documentation sets it up for several servers: Redis managers for streams, sessions and subscriptions. Its
 * counters are in Redis too, one command for each count. On Node it needs an adapter; this is the fastest of those tried.
 */
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { ZodJsonSchemaAdapter } from "@tmcp/adapter-zod";
import {
  RedisInfoSessionManager,
  RedisStreamSessionManager,
  RedisSubscriptionManager,
} from "@tmcp/session-manager-redis";
import { HttpTransport } from "@tmcp/transport-http";
import { McpServer } from "tmcp";

import { announce, reportUse } from "./announce.ts";
import { redisCounters } from "./redis-counters.ts";
import { answer, countTool, otherTools } from "./tools.ts";

const url = process.argv[2];
if (url === undefined) throw new Error("usage: tmcp-redis.js URL");
const { add } = await redisCounters(url);

const server = new McpServer(
  { name: "bench", version: "1.0.0" },
  { adapter: new ZodJsonSchemaAdapter(), capabilities: { tools: {} } },
);
/** Its types want an output schema beside structured content, which it would then check in each call; it does without. */
type Untyped = { content: { type: "text"; text: string }[]; structuredContent: undefined };
server.tool(countTool, async ({ counter, by = 1 }) => {
  const value = await add(server.ctx.sessionId ?? "none", counter, by);
  return answer({ counter, value }) as object as Untyped;
});
for (const tool of otherTools) server.tool(tool, (input) => answer(input) as object as Untyped);

const transport = new HttpTransport(server, {
  path: "/mcp",
  allowedOrigins: [],
  sessionManager: { streams: new RedisStreamSessionManager(url), info: new RedisInfoSessionManager(url) },
  subscriptionManager: new RedisSubscriptionManager(url),
});
const notFound = (): Response => new Response(null, { status: 404 });
const listener = getRequestListener(async (request) => (await transport.respond(request)) ?? notFound());
announce(createServer((request, response) => void listener(request, response)));
reportUse();
