/** Nothing acknowledged is lost and nothing happens twice, whoever is killed: nodes, or the database with all its processes. */
import type { Owner, Store } from "holdfast/contract";
import { postgresStore } from "holdfast/stores/postgres";
import { afterAll, beforeAll, expect, it } from "vitest";

import { eventually } from "../lib/eventually.ts";
import { type PostgresServer, startPostgres } from "../lib/servers/postgres.ts";
import { type Script, start } from "../sqlite/support.ts";

const nodes = 3;
const rounds = 6;

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

const idsOf = (lines: readonly string[], word: string): string[] =>
  lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

function writers(owner: Owner, prefix: string, repeated: readonly string[] = []): readonly Script[] {
  return Array.from({ length: nodes }, (_, index) => {
    const mine = repeated.filter((_id, at) => at % nodes === index);
    return start("../postgres/writer-process.mjs", [server.url, owner, `${prefix}w${index}`, mine.join(",")]);
  });
}

it("keeps every acknowledged commit, whole and once, through kill -9 of nodes in mid-batch", async () => {
  const owner = "kill-nodes-owner-0123456789abcde" as Owner;
  const acknowledged = new Set<string>();
  let unknown: string[] = [];
  let interrupted = 0;
  for (let round = 0; round < rounds; round += 1) {
    const scripts = writers(owner, `r${round}`, unknown);
    await eventually("all writers got somewhere", () => scripts.every(({ lines }) => idsOf(lines, "ack").length > 60));
    for (const { child } of scripts) child.kill("SIGKILL");
    await Promise.all(scripts.map(({ ended }) => ended));
    const tried = scripts.flatMap(({ lines }) => idsOf(lines, "try"));
    for (const { lines } of scripts) for (const id of idsOf(lines, "ack")) acknowledged.add(id);
    unknown = [...unknown, ...tried].filter((id) => !acknowledged.has(id));
    interrupted += unknown.length;
  }
  // Kills that interrupt nothing would prove nothing.
  expect(interrupted).toBeGreaterThan(rounds);
  await expectWholeAndOnce(owner, acknowledged);
}, 120_000);

it("keeps every acknowledged commit, whole and once, through kill -9 of the database, and nodes go on by themselves", async () => {
  const owner = "kill-server-owner-0123456789abcd" as Owner;
  const scripts = writers(owner, "s");
  await eventually("all have begun", () => scripts.every(({ lines }) => lines.includes("ready")));
  const acks = (): number => scripts.reduce((sum, { lines }) => sum + idsOf(lines, "ack").length, 0);
  for (let round = 0; round < rounds; round += 1) {
    const before = acks();
    await eventually("the nodes go on", () => acks() > before + 100, 30_000);
    await server.crash();
  }
  const before = acks();
  await eventually("the nodes go on", () => acks() > before + 100, 30_000);
  expect(scripts.map(({ child }) => child.exitCode)).toEqual(scripts.map(() => null));
  for (const { child } of scripts) child.kill("SIGKILL");
  await Promise.all(scripts.map(({ ended }) => ended));
  await expectWholeAndOnce(owner, new Set(scripts.flatMap(({ lines }) => idsOf(lines, "ack"))));
}, 120_000);

async function expectWholeAndOnce(owner: Owner, acknowledged: ReadonlySet<string>): Promise<void> {
  await using store = await postgresStore({ url: server.url });
  const [left = [], right = []] = await Promise.all(["left", "right"].map((id) => everyId(store, owner, id)));
  const { record } = await store.read(owner, { kind: "pair", id: "left" });
  expect(left).toEqual(right);
  expect(new Set(left).size, "nothing was applied twice").toBe(left.length);
  expect(record?.counters.get("n")).toBe(left.length);
  const there = new Set(left);
  expect(
    [...acknowledged].filter((id) => !there.has(id)),
    "acknowledged and lost",
  ).toEqual([]);
  console.log(`${acknowledged.size} acknowledged commits, ${left.length} in the database, none lost, none twice`);
}

async function everyId(store: Store, owner: Owner, id: string): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const page = await store.events(owner, { kind: "pair", id }, "ids", { after: ids.length, limit: 5_000 });
    expect(page?.events.map(({ position }) => position)).toEqual(
      page?.events.map((_, index) => ids.length + index + 1),
    );
    ids.push(...(page?.events ?? []).map(({ data }) => data));
    if (page?.more !== true) return ids;
  }
}
