/** The key in the request's `_meta`, where the official clients let it be: they put things of their own there. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as ClientOfV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportOfV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { expect, onTestFinished, test } from "vitest";

import { openDurable } from "../lib/durable-stores.ts";
import { callModern } from "../lib/modern-call.ts";
import { startNode } from "./nodes.ts";

type Call = (args: Record<string, unknown>, key: string) => Promise<unknown>;
const keyed = (args: Record<string, unknown>, key: string) => {
  return { name: "tip", arguments: args, _meta: { "holdfast/idempotency-key": key } };
};

async function v2(url: string, era: "2025" | "2026"): Promise<Call> {
  const mode = era === "2025" ? "legacy" : ({ pin: "2026-07-28" } as const);
  const client = new Client({ name: "v2", version: "1.0.0" }, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  onTestFinished(() => client.close());
  return async (args, key) => (await client.callTool(keyed(args, key))).structuredContent;
}

async function v1(url: string): Promise<Call> {
  const client = new ClientOfV1({ name: "v1", version: "1.0.0" });
  await client.connect(new TransportOfV1(new URL(url)));
  onTestFinished(() => client.close());
  return async (args, key) => (await client.callTool(keyed(args, key))).structuredContent;
}

test("a call counts once by a key in _meta, whichever client repeats it at whichever node", async () => {
  const store = await openDurable("sqlite");
  onTestFinished(() => store[Symbol.asyncDispose]());
  const nodes = [await startNode(store.url), await startNode(store.url)] as const;
  for (const node of nodes) onTestFinished(() => node[Symbol.asyncDispose]());
  const [{ url: one }, { url: other }] = nodes;
  const { structuredContent } = await callModern<{ structuredContent: { basket: string } }>(one, "create_basket", {
    arguments: {},
  });
  const basket = { basket: structuredContent.basket };
  const clients = [await v1(one), await v2(other, "2025"), await v2(one, "2026"), await v1(other)];
  const answers = await Promise.all([...clients, ...clients].map((call) => call(basket, "k")));
  expect(answers).toEqual(Array.from({ length: 8 }, () => ({ tips: 1 })));
  expect(await clients[1]?.(basket, "another")).toEqual({ tips: 2 });
});
