/** A small server with state, mounted in each framework in turn, and what every client has to find behind it. */
import { once } from "node:events";
import type { Server } from "node:http";
import { type App, holdfast, kind, reply, type ServeOptions, serve } from "holdfast";
import { expect } from "vitest";
import * as z from "zod";

import { type Caller, faultOf, textOf, valueOf } from "../clients/caller.ts";
import { v1Http } from "../clients/v1.ts";
import { v2Http } from "../clients/v2.ts";

const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }), idle: "24h" });
const Handle = z.object({ basket: Basket.id });
const Item = z.object({ basket: Basket.id, sku: z.string().min(1) });
const Steps = z.object({ steps: z.number().int() });

export type Shop = AsyncDisposable & { readonly app: App; readonly errors: readonly unknown[] };

export async function openShop(options: ServeOptions = {}): Promise<Shop> {
  const errors: unknown[] = [];
  const hold = await holdfast({ store: "memory:", kinds: [Basket] });
  const app = serve(
    hold,
    { name: "shop", version: "1.0.0" },
    (server, { state, session, connection, era }) => {
      server.registerTool("create_basket", { description: "Opens a basket." }, () => reply(state.basket.create()));
      server.registerTool("add_item", { description: "Adds an item.", inputSchema: Item }, ({ basket, sku }) =>
        reply(
          state.basket.update(basket, (draft) => {
            draft.items.push(sku);
          }),
        ),
      );
      server.registerTool("show", { description: "Shows a basket.", inputSchema: Handle }, ({ basket }) =>
        reply(state.basket.get(basket)),
      );
      server.registerTool("visit", { description: "Counts the visits of the session." }, async () => {
        connection.set("seen", true);
        const visits = session === undefined ? 0 : (await session.increment("visits")).value;
        return reply({ era, session: session?.id ?? null, visits });
      });
      server.registerTool(
        "steps",
        { description: "Reports progress.", inputSchema: Steps },
        async ({ steps }, context) => {
          const progressToken = context.mcpReq._meta?.progressToken ?? 0;
          for (let progress = 1; progress <= steps; progress++) {
            await context.mcpReq.notify({ method: "notifications/progress", params: { progressToken, progress } });
          }
          return reply({ steps });
        },
      );
    },
    { ...options, onError: (error) => errors.push(error) },
  );
  const close = async (): Promise<void> => {
    await app.close();
    await hold.close();
  };
  return { app, errors, [Symbol.asyncDispose]: close };
}

/** A `node:http` server on a free port of this machine. */
export async function listening(server: Server): Promise<AsyncDisposable & { readonly url: string }> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `http://127.0.0.1:${address.port}/mcp`, [Symbol.asyncDispose]: close };
}

/** The official clients, in every era they speak. */
export const clients: readonly (readonly [name: string, connect: (url: string) => Promise<Caller>])[] = [
  ["the v2 client, 2026-07-28", (url) => v2Http(url, "2026")],
  ["the v2 client, 2025-11-25", (url) => v2Http(url, "2025")],
  ["the v1 client", (url) => v1Http(url)],
];

/** What a client does with the shop. */
export async function shopping(client: Caller): Promise<void> {
  expect([...(await client.tools())].sort()).toEqual(["add_item", "create_basket", "show", "steps", "visit"]);
  const basket = textOf(await valueOf(client.call("create_basket")), "basket");
  for (const sku of ["tea", "grüße 🧺"]) await valueOf(client.call("add_item", { basket, sku }));
  expect(await valueOf(client.call("show", { basket }))).toMatchObject({
    basket,
    version: 3,
    value: { items: ["tea", "grüße 🧺"] },
  });
  expect(await faultOf(client.call("add_item", { basket, sku: "" }))).toMatchObject({ code: "invalid_argument" });
  expect(await faultOf(client.call("show", { basket: "basket_nobody_has" }))).toMatchObject({ code: "not_found" });
  expect(await valueOf(client.call("steps", { steps: 3 }))).toEqual({ steps: 3 });

  const visits = [await valueOf(client.call("visit")), await valueOf(client.call("visit"))];
  if (client.revision === "2026-07-28") {
    const none = { era: "2026", session: null, visits: 0 };
    expect(visits).toEqual([none, none]);
  } else {
    expect(visits).toMatchObject([
      { era: "2025", visits: 1 },
      { era: "2025", visits: 2 },
    ]);
  }
  await client.end();
}

/** A request with nothing but what is asked for, as programs without an MCP library send it. */
export function post(url: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { accept: "application/json, text/event-stream", "content-type": "application/json", ...headers },
    body,
  });
}

/** The guards stand wherever the server is mounted: the statuses of what each of them, in turn, refuses. */
export async function refusals(url: string): Promise<readonly number[]> {
  const list = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
  const answers = [
    await post(url, "{}", { origin: "https://evil.example" }),
    await post(url, list, { accept: "text/html" }),
    await post(url, list),
    await fetch(url, { method: "DELETE", headers: { "mcp-session-id": "ses_nobody.has" } }),
  ];
  return answers.map(({ status }) => status);
}

export const refused: readonly number[] = [403, 406, 400, 404];
