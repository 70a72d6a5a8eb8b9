/** Turns of one session whose calls are answered by two nodes at once, on every store that nodes can share. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exactlyOnce, holdfast, reply, serve } from "holdfast";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { durableStores, openAlone, openDurable } from "../lib/durable-stores.ts";
import { callModern } from "../lib/modern-call.ts";
import { openRawSession } from "../lib/raw-session.ts";

type Kept = { readonly tool: string; readonly node: string; readonly ok: boolean; readonly input: unknown };
type Answer = { readonly structuredContent: { readonly turns: readonly Kept[]; readonly version: number } };

async function startNode(url: string, name: string): Promise<string> {
  const store = await openAlone(url);
  const hold = await holdfast({ store, reap: false });
  const app = serve(
    hold,
    { name: "s", version: "1" },
    (server, { session: own, sessions }) => {
      const Named = z.object({ talk: z.string().optional(), n: z.int().default(0) });
      const sessionOf = (talk: string | undefined) => own ?? sessions.open(talk ?? "");
      server.registerTool("say", { inputSchema: Named }, async ({ talk, n }) => {
        // Whoever read a version can still rely on it: turns are no change of the document.
        const { version } = await sessionOf(talk).view();
        return reply({ n, version });
      });
      const once = exactlyOnce({ inputSchema: Named.extend({ idempotency_key: z.string() }) });
      server.registerTool("note", once, async ({ talk, n }) => reply(sessionOf(talk).set("n", n)));
      server.registerTool("begin", {}, async () => reply({ talk: (await sessions.create()).id }));
      server.registerTool("history", { inputSchema: Named }, async ({ talk }) => {
        const turns = await sessionOf(talk).recentContext(100);
        return reply({ turns, version: (await sessionOf(talk).view()).version });
      });
    },
    { node: name, recordTurns: { session: "talk", except: ["history"] } },
  );
  const server = createServer(app.node).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await app.close();
    await hold.close();
    await store.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
}

test.each(durableStores.flatMap((name) => ["2025", "2026"].map((era) => [name, era] as const)))(
  "on %s, calls of one session of %s at two nodes are kept in one order that both tell",
  async (name, era) => {
    const durable = await openDurable(name);
    onTestFinished(() => durable[Symbol.asyncDispose]());
    const nodes = [await startNode(durable.url, "a"), await startNode(durable.url, "b")] as const;
    const nodeOf = (n: number): string => nodes[n % 2 === 0 ? 0 : 1];
    const call = await caller(era, nodes[0]);

    // A call after another, each at the node that had not the one before: in a row, whoever writes them.
    for (let n = 0; n < 6; n++) await call(nodeOf(n), "say", { n });
    const before = await call(nodes[1], "history", {});
    await Promise.all(Array.from({ length: 30 }, (_, n) => call(nodeOf(n), "say", { n: n + 100 })));
    await call(nodes[0], "note", { n: 1, idempotency_key: "k" });
    await call(nodes[1], "note", { n: 1, idempotency_key: "k" });

    await expect
      .poll(async () => (await call(nodes[0], "history", {})).structuredContent.turns.length, { timeout: 10_000 })
      .toBe(38);
    const [one, other] = [await call(nodes[0], "history", {}), await call(nodes[1], "history", {})];
    expect(one.structuredContent.turns).toEqual(other.structuredContent.turns);
    const { turns, version } = one.structuredContent;
    expect(turns.every(({ ok }) => ok)).toBe(true);
    expect(version).toBe(before.structuredContent.version + 1);
    for (const node of ["a", "b"]) {
      const ofNode = turns.filter((turn) => turn.node === node && turn.tool === "say").map(({ input }) => input);
      expect(ofNode).toHaveLength(18);
      // Those that came one after the other are in that order.
      const first = ofNode.slice(0, 3).map((input) => (input as { n: number }).n);
      expect(first).toEqual(node === "a" ? [0, 2, 4] : [1, 3, 5]);
    }
  },
);

type Call = (url: string, tool: string, args: object) => Promise<Answer>;

/** How a client calls tools in one session, at whatever node. */
async function caller(era: string, url: string): Promise<Call> {
  if (era === "2026") {
    const { structuredContent } = await callModern<{ structuredContent: { talk: string } }>(url, "begin", {
      arguments: {},
    });
    const { talk } = structuredContent;
    return (to, tool, args) => callModern<Answer>(to, tool, { arguments: { talk, ...args } });
  }
  const session = await openRawSession(url);
  let id = 0;
  return async (to, tool, args) => {
    id += 1;
    const response = await session.call(to, id, tool, { ...args });
    return ((await response.json()) as { readonly result: Answer }).result;
  };
}
