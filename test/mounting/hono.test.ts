import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { describe, expect, it } from "vitest";

import { clients, listening, openShop, refusals, refused, type Shop, shopping } from "./shop.ts";

function mounted(shop: Shop): Promise<AsyncDisposable & { readonly url: string }> {
  const app = new Hono();
  app.all("/mcp", (context) => shop.app(context.req.raw));
  // Without options for HTTP/2 the adaptor makes a server of node:http.
  return listening(createAdaptorServer(app) as Server);
}

describe("mounted in Hono", () => {
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

  it("answers without any server, as tests of an application do", async () => {
    await using shop = await openShop();
    const app = new Hono().all("/mcp", (context) => shop.app(context.req.raw));
    const response = await app.request("/mcp", { method: "GET", headers: { accept: "text/event-stream" } });
    expect(response.status).toBe(400);
    await response.body?.cancel();
  });
});
