/**
 * The two files of a Next application in `docs/mounting.md`. Next calls what a route exports, by the request's method, with a
 * web `Request`, and sends the `Response` it gets; so does this test. Next itself is not installed for it: `npm run try:next`
 * does that.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { textOf, valueOf } from "../clients/caller.ts";
import * as route from "./next/app/mcp/route.ts";
import { closeShop } from "./next/lib/shop.ts";
import { clients, listening, post, refusals, refused } from "./shop.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-next-"));
  vi.stubEnv("STATE", `sqlite:${join(folder, "state.db")}`);
});
afterEach(async () => {
  await closeShop();
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

/** Methods that the route does not export are 405. */
async function answer(request: Request): Promise<Response> {
  const handler: unknown = Reflect.get(route, request.method);
  if (typeof handler !== "function") return new Response(null, { status: 405 });
  const answered: unknown = await Reflect.apply(handler, undefined, [request, { params: Promise.resolve({}) }]);
  if (answered instanceof Response) return answered;
  throw new Error("a route answers with a Response");
}

/** Without options for HTTP/2 the adaptor makes a server of node:http. */
const mounted = (): ReturnType<typeof listening> => listening(createAdaptorServer({ fetch: answer }) as Server);

describe("mounted in a Next route", () => {
  it.each(clients)("serves %s, also after the process was replaced", async (_name, connect) => {
    await using site = await mounted();
    await using client = await connect(site.url);
    const basket = textOf(await valueOf(client.call("create_basket")), "basket");
    await valueOf(client.call("add_item", { basket, sku: "tea" }));
    // The next request opens everything anew, as another process would.
    await closeShop();
    expect(await valueOf(client.call("add_item", { basket, sku: "milk" }))).toMatchObject({
      version: 3,
      value: { items: ["tea", "milk"] },
    });
    await client.end();
  });

  it("keeps its guards", async () => {
    await using site = await mounted();
    expect(await refusals(site.url)).toEqual(refused);
  });

  it("tries again to open what could not be opened", async () => {
    vi.stubEnv("STATE", `sqlite:${folder}`);
    await using site = await mounted();
    const list = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    expect((await post(site.url, list)).status).toBe(500);
    vi.stubEnv("STATE", "memory:");
    expect((await post(site.url, list)).status).toBe(400);
  });

  it("is closed by another copy of its module too, as instrumentation has one in Next", async () => {
    await using site = await mounted();
    const list = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
    expect((await post(site.url, list)).status).toBe(400);
    vi.resetModules();
    const copy = await import("./next/lib/shop.ts");
    expect(copy.closeShop).not.toBe(closeShop);
    await copy.closeShop();
    expect((await post(site.url, list)).status).toBe(503);
  });

  it("exports nothing that Next does not know", () => {
    expect(Object.keys(route).toSorted()).toEqual(["DELETE", "GET", "POST", "dynamic", "runtime"]);
  });

  it.each(["lib/shop.ts", "app/mcp/route.ts", "instrumentation.ts"])("is what the page shows: %s", async (file) => {
    const page = await readFile(new URL("../../docs/mounting.md", import.meta.url), "utf8");
    const source = await readFile(new URL(`next/${file}`, import.meta.url), "utf8");
    expect(page).toContain(source);
  });
});
