/** Values of sessions on three real nodes: each closed once, wherever its session ended, and whatever became of its node. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { race } from "holdfast/testing";
import { expect, type TestContext, test } from "vitest";

import { type Caller, textOf, valueOf } from "../clients/caller.ts";
import { v2Http } from "../clients/v2.ts";
import { durableStores, openDurable } from "../lib/durable-stores.ts";
import { describeStoresAtOnce } from "../lib/each-store.ts";
import { eventually } from "../lib/eventually.ts";
import { type NodeProcess, startScript } from "../lib/node-process.ts";

type Node = { readonly name: string; readonly process: NodeProcess; readonly caller: Caller };

type Scene = {
  readonly nodes: readonly [Node, Node, Node];
  /** What was noted, a line each, in the order in which it happened. */
  journal(): Promise<readonly string[]>;
};

async function scene({ onTestFinished }: TestContext, storeName: string, idleMs: number): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-disposables-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const store = await openDurable(storeName);
  onTestFinished(() => store[Symbol.asyncDispose]());
  const journal = join(folder, "journal");
  await writeFile(journal, "");
  const start = async (name: string): Promise<Node> => {
    const process = await startScript("disposables/keeper", { args: [name, store.url, journal, String(idleMs)] });
    onTestFinished(() => process[Symbol.asyncDispose]());
    const caller = await v2Http(process.url, "2026");
    onTestFinished(() => caller[Symbol.asyncDispose]());
    return { name, process, caller };
  };
  const nodes = await Promise.all([start("one"), start("two"), start("three")]);
  return {
    nodes,
    journal: async () => (await readFile(journal, "utf8")).split("\n").filter((line) => line !== ""),
  };
}

async function newSession({ caller }: Node): Promise<string> {
  return textOf(await valueOf(caller.call("create")), "session");
}

async function browse({ caller }: Node, session: string): Promise<number> {
  return Number((await valueOf(caller.call("browse", { session })))["pid"]);
}

function closed(lines: readonly string[], session: string): readonly string[] {
  return lines.filter((line) => line.startsWith("closed ") && line.endsWith(session)).sort();
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const everyNode = (session: string): readonly string[] =>
  ["one", "three", "two"].map((name) => `closed ${name} ${session}`);

describeStoresAtOnce(durableStores, "on %s", { timeout: 120_000 }, (store) => {
  test("each node closes its own once: ended at another node, expired, drained, and gone with a killed node", async (context) => {
    const { nodes, journal } = await scene(context, store, 3_600_000);
    const [one, two, three] = nodes;
    const ended = await newSession(one);
    const kept = await newSession(two);

    // Ten calls at once at each node: a browser per node.
    const { errors } = await race(30, (n) => browse(nodes[n % 3] ?? one, ended));
    expect(errors).toEqual([]);
    expect((await journal()).filter((line) => line.startsWith("opened"))).toHaveLength(3);
    const pids = await Promise.all(nodes.map((node) => browse(node, kept)));

    // The session of a 2025-era connection, which its client ends by a DELETE at another node.
    const own = await v2Http(one.process.url, "2025");
    context.onTestFinished(() => own[Symbol.asyncDispose]());
    const connection = textOf(await valueOf(own.call("browse")), "session");
    const response = await fetch(two.process.url, {
      method: "DELETE",
      headers: { "mcp-session-id": own.wireSession ?? "" },
    });
    expect(response.status).toBe(200);
    await eventually("the connection's browser is closed", async () => {
      return closed(await journal(), connection).length > 0;
    });

    await valueOf(two.caller.call("end", { session: ended }));
    await eventually("all browsers of the ended session are closed", async () => {
      return closed(await journal(), ended).length >= 3;
    });

    // One node is stopped, one is killed: browsers of other nodes are none of their business.
    const stopped = await three.process.stop();
    expect([stopped.code, closed(await journal(), kept)]).toEqual([0, [`closed three ${kept}`]]);
    await one.process.kill();
    await eventually("a killed node's browser is gone with it", () => !isRunning(pids[0] ?? 0));
    expect(isRunning(pids[1] ?? 0)).toBe(true);
    // Nothing of it was in the store, so nothing is in the way.
    expect(await browse(two, kept)).toBe(pids[1]);
    expect((await two.process.stop()).code).toBe(0);

    const lines = await journal();
    expect(closed(lines, ended)).toEqual(everyNode(ended));
    expect(closed(lines, connection)).toEqual([`closed one ${connection}`]);
    expect(closed(lines, kept)).toEqual([`closed three ${kept}`, `closed two ${kept}`]);
  });

  test("a session that nobody uses expires although three nodes have something of it", async (context) => {
    const { nodes, journal } = await scene(context, store, 1_500);
    const session = await newSession(nodes[0]);
    await Promise.all(nodes.map((node) => browse(node, session)));
    await eventually("all browsers are closed", async () => closed(await journal(), session).length >= 3, 30_000);
    expect(await nodes[1].caller.call("browse", { session })).toMatchObject({
      ok: false,
      fault: { code: "not_found" },
    });
    await Promise.all(nodes.map((node) => node.process.stop()));
    expect(closed(await journal(), session)).toEqual(everyNode(session));
  });
});
