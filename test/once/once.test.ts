/** Calls that count once, over real nodes on one store, some of which die at the worst moment. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";

import { type Caller, faultOf, textOf, valueOf } from "../clients/caller.ts";
import { v1Http } from "../clients/v1.ts";
import { v2Http } from "../clients/v2.ts";
import { findRoot } from "../tools/root.ts";

async function newStore(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-once-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return `sqlite:${join(folder, "state.db")}`;
}

async function startNode(
  store: string,
  ...more: readonly string[]
): Promise<{ readonly url: string; readonly died: Promise<unknown> }> {
  const main = join(await findRoot(), ".cache", "build", "test", "once", "shop.js");
  const child = spawn(process.execPath, [main, store, ...more], { stdio: ["ignore", "pipe", "inherit"] });
  const died = once(child, "close");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await died;
  });
  const [url] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { url, died };
}

async function connected(connecting: Promise<Caller>): Promise<Caller> {
  const caller = await connecting;
  onTestFinished(() => caller[Symbol.asyncDispose]());
  return caller;
}

test("a hundred calls with one key over three nodes have one effect and a hundred equal answers", async () => {
  const store = await newStore();
  const nodes = await Promise.all([startNode(store), startNode(store), startNode(store)]);
  const callers = await Promise.all(
    nodes.flatMap(({ url }) => [
      connected(v2Http(url, "2026")),
      connected(v2Http(url, "2025")),
      connected(v1Http(url)),
    ]),
  );
  const [first] = callers;
  if (first === undefined) throw new Error("nobody is connected");
  const basket = textOf(await valueOf(first.call("create_basket", {})), "basket");
  const order = { basket, sku: "tea", idempotency_key: "k" };
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) => valueOf((callers[index % callers.length] ?? first).call("order", order))),
  );
  expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
    new Set([JSON.stringify({ items: ["tea"], version: 2, orders: 1 })]),
  );
  expect(await valueOf(first.call("show", { basket }))).toMatchObject({ value: { items: ["tea"] } });
  // The same key with another request is no repeat.
  expect(await faultOf(first.call("order", { ...order, sku: "milk" }))).toMatchObject({
    code: "conflict",
    retryable: false,
  });
});

test("a repeat after kill -9 between effect and answer returns the first outcome", { timeout: 60_000 }, async () => {
  const store = await newStore();
  const [doomed, node] = await Promise.all([startNode(store, "die"), startNode(store)]);
  const other = await connected(v2Http(node.url, "2026"));
  const basket = textOf(await valueOf(other.call("create_basket", {})), "basket");
  const order = { basket, sku: "tea", idempotency_key: "k" };
  const caller = await connected(v2Http(doomed.url, "2026"));
  const cutOff = caller.call("order", order).then(
    () => "answered",
    () => "cut off",
  );
  await doomed.died;
  expect(await cutOff).toBe("cut off");
  expect(await valueOf(other.call("show", { basket }))).toMatchObject({ value: { items: ["tea"] }, version: 2 });
  // Somebody else comes first, while the dead node's lease of the call still stands.
  await valueOf(other.call("order", { ...order, sku: "milk", idempotency_key: "other" }));
  const first = { items: ["tea"], version: 2, orders: 1 };
  expect(await valueOf(other.call("order", order))).toEqual(first);
  expect(await valueOf(other.call("order", order))).toEqual(first);
  expect(await valueOf(other.call("show", { basket }))).toMatchObject({
    value: { items: ["tea", "milk"] },
    version: 3,
  });
});
