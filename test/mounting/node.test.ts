import { createServer } from "node:http";
import { describe, expect, it } from "vitest";

import { clients, listening, openShop, post, refusals, refused, shopping } from "./shop.ts";

describe("mounted in node:http", () => {
  it.each(clients)("serves %s", async (_name, connect) => {
    await using shop = await openShop();
    await using site = await listening(createServer(shop.app.node));
    await using client = await connect(site.url);
    await shopping(client);
    expect(shop.errors).toEqual([]);
  });

  it("keeps its guards", async () => {
    await using shop = await openShop();
    await using site = await listening(createServer(shop.app.node));
    expect(await refusals(site.url)).toEqual(refused);
    expect((await post(site.url, "{")).status).toBe(400);
    expect((await fetch(site.url, { method: "PUT" })).headers.get("allow")).toBe("GET, POST, DELETE");
  });

  it("counts connections and lets calls finish before it has drained", async () => {
    await using shop = await openShop();
    await using site = await listening(createServer(shop.app.node));
    for (const [, connect] of clients) {
      await using client = await connect(site.url);
      const before = shop.app.connections.callsTotal;
      await client.call("visit");
      expect(shop.app.connections.callsTotal).toBe(before + 1);
      expect(shop.app.connections.open).toBeGreaterThan(0);
    }
    expect(shop.app.connections.callsInFlight).toBe(0);
    await shop.app.drain({ timeoutMs: 5_000 });
    expect(await post(site.url, "{}")).toMatchObject({ status: 503 });
  });
});
