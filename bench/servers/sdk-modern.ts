/** The SDK's handler for 2026-07-28 on its stock Node adapter; counters in a map of the process. */
import { createServer, type RequestListener } from "node:http";
import { toNodeHandler } from "@modelcontextprotocol/node";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";

import { announce, reportUse } from "./announce.ts";
import { registerTools } from "./tools.ts";

const counters = new Map<string, number>();

const handler = createMcpHandler(
  () => {
    const mcp = new McpServer({ name: "bench", version: "1.0.0" });
    registerTools(mcp, ({ counter, by }) => {
      const value = (counters.get(counter) ?? 0) + by;
      counters.set(counter, value);
      return value;
    });
    return mcp;
  },
  { legacy: "reject" },
);
// Its parameters are declared more narrowly than Node's own, which is what it is given.
const server = createServer(toNodeHandler(handler) as unknown as RequestListener);
announce(server);
reportUse();
