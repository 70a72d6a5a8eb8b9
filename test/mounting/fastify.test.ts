import { fastify } from "fastify";
import { describe, expect, it } from "vitest";

import { clients, openShop, refusals, refused, type Shop, shopping } from "./shop.ts";

async function mounted(shop: Shop): Promise<AsyncDisposable & { readonly url: string }> {
  const app = fastify();
  app.all("/mcp", (request, reply) => {
    reply.hijack();
    shop.app.node(request.raw, reply.raw, request.body);
  });
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  const close = async (): Promise<void> => {
    app.server.closeAllConnections();
    await app.close();
  };
  return { url: `${origin}/mcp`, [Symbol.asyncDispose]: close };
}

describe("mounted in Fastify", () => {
  it.each(clients)("serves %s", async (_name, connect) => {
    await using shop = await openShop();
    await using site = await mounted(shop);
    await using client = await connect(site.url);
    await shopping(client);
    expect(shop.errors).toEqual([]);
  });

  it("keeps its guards", async () => {
    await using shop = await openShop();
    await using site = await mounted(shop);
    expect(await refusals(site.url)).toEqual(refused);
  });
});
