/** The SDK's own sessionful transport with JSON answers; sessions and counters in maps of the process. */
import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { NodeStreamableHTTPServerTransport } from "@modelcontextprotocol/node";
import { McpServer } from "@modelcontextprotocol/server";

import { announce, reportUse } from "./announce.ts";
import { registerTools } from "./tools.ts";

const transports = new Map<string, NodeStreamableHTTPServerTransport>();

const server = createServer((request, response) => void handle(request, response));
announce(server);
reportUse();

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const id = request.headers["mcp-session-id"];
  const known = typeof id === "string" ? transports.get(id) : undefined;
  await (known ?? (await open())).handleRequest(request, response);
}

async function open(): Promise<NodeStreamableHTTPServerTransport> {
  const counters = new Map<string, number>();
  const mcp = new McpServer({ name: "bench", version: "1.0.0" });
  registerTools(mcp, ({ counter, by }) => {
    const value = (counters.get(counter) ?? 0) + by;
    counters.set(counter, value);
    return value;
  });
  const transport = new NodeStreamableHTTPServerTransport({
    sessionIdGenerator: () => randomUUID(),
    enableJsonResponse: true,
    onsessioninitialized: (id) => void transports.set(id, transport),
  });
  await mcp.connect(transport);
  return transport;
}
