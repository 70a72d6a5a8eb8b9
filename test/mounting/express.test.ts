import { createServer } from "node:http";
import express from "express";
import { describe, expect, it } from "vitest";

import { clients, listening, openShop, post, refusals, refused, shopping } from "./shop.ts";

describe.each([
  ["a bare Express application", () => express()],
  ["Express behind express.json()", () => express().use(express.json())],
])("mounted in %s", (_name, application) => {
  it.each(clients)("serves %s", async (_client, connect) => {
    await using shop = await openShop();
    const app = application();
    app.all("/mcp", shop.app.node);
    await using site = await listening(createServer(app));
    await using client = await connect(site.url);
    await shopping(client);
    expect(shop.errors).toEqual([]);
  });

  it("keeps its guards", async () => {
    await using shop = await openShop();
    const app = application();
    app.all("/mcp", shop.app.node);
    await using site = await listening(createServer(app));
    expect(await refusals(site.url)).toEqual(refused);
    const deep = `{"jsonrpc":"2.0","id":1,"method":"ping","params":${"[".repeat(70)}${"]".repeat(70)}}`;
    expect(await (await post(site.url, deep)).json()).toMatchObject({ error: { code: -32600 } });
  });
});
