import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { race } from "holdfast/testing";
import { expect, it } from "vitest";

import { openShop, shop } from "./shop.ts";

it("loses none of fifty items that are put into a basket at once", async () => {
  await using hold = await openShop("memory:");
  const app = shop(hold);
  const client = new Client(
    { name: "shopper", version: "1.0.0" },
    { versionNegotiation: { mode: { pin: "2026-07-28" } } },
  );
  // No sockets: the app is a function from requests to responses.
  const fetch = (url: string | URL, init?: RequestInit): Promise<Response> => app(new Request(url, init));
  await client.connect(new StreamableHTTPClientTransport(new URL("http://localhost/mcp"), { fetch }));
  const call = async (name: string, args: object = {}): Promise<Record<string, unknown>> => {
    const { structuredContent } = await client.callTool({ name, arguments: { ...args } });
    return structuredContent as Record<string, unknown>;
  };

  const { basket } = await call("create_basket");
  const { rejected } = await race(50, (n) => call("add_item", { basket, sku: `sku ${n % 5}` }));
  expect(rejected).toBe(0);
  const { value } = (await call("show_basket", { basket })) as { value: { lines: { quantity: number }[] } };
  expect(value.lines.map(({ quantity }) => quantity)).toEqual([10, 10, 10, 10, 10]);
  expect(await call("empty_basket", { basket })).toEqual({ basket, gone: true });
  expect(await call("show_basket", { basket })).toMatchObject({ error: { code: "not_found" } });
  await client.close();
  await app.close();
});
