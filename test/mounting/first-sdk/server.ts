// server.ts
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { holdfast, kind, localUser } from "holdfast";
import { reply, statefulTools } from "holdfast/adapters/tools";
import { z } from "zod";

const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }), idle: "24h" });

export async function openShop(
  store: string,
): Promise<{ readonly server: Server; readonly close: () => Promise<void> }> {
  const hold = await holdfast({ store, kinds: [Basket] });
  // For one person on their own machine. Where users sign in: ({ authInfo }) => principalOfToken(authInfo).
  const tool = statefulTools(hold, { principal: localUser });

  const shop = (): McpServer => {
    const mcp = new McpServer({ name: "shop", version: "1.0.0" });
    mcp.registerTool(
      "create_basket",
      { inputSchema: {} },
      tool("create_basket", (_args, { state }) => reply(state.basket.create())),
    );
    mcp.registerTool(
      "add_item",
      { inputSchema: { basket: Basket.id, sku: z.string() } },
      tool("add_item", ({ basket, sku }, { state }) =>
        reply(
          state.basket.update(basket, (b) => {
            b.items.push(sku);
          }),
        ),
      ),
    );
    return mcp;
  };

  // Nothing of a request outlives it, so any process serves the next one: what was in a Map is in the store.
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    response.once("close", () => void transport.close());
    await shop().connect(transport);
    await transport.handleRequest(request, response);
  };
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.writeHead(500).end());
  });
  return { server, close: () => hold.close() };
}
