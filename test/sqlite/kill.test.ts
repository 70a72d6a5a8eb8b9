import type { Owner } from "holdfast/contract";
import { sqliteStore } from "holdfast/stores/sqlite";
import { expect, it } from "vitest";

import { eventually } from "../lib/eventually.ts";
import { start, temporaryPath } from "./support.ts";

const rounds = 8;
const writers = 3;
// Owners are digests; any text of their shape will do here.
const owner = "kill-test-owner-0123456789abcdef" as Owner;

const idsOf = (lines: readonly string[], word: string): string[] =>
  lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

it("keeps every acknowledged commit, whole and once, through kill -9 in mid-batch", async () => {
  const path = await temporaryPath();
  const acknowledged = new Set<string>();
  let unknown: string[] = [];
  let interrupted = 0;
  for (let round = 0; round < rounds; round += 1) {
    const repeated = unknown;
    const scripts = Array.from({ length: writers }, (_, index) => {
      const mine = repeated.filter((_id, at) => at % writers === index);
      return start("writer-process.mjs", [path, owner, `r${round}w${index}`, mine.join(",")]);
    });
    await eventually("all writers got somewhere", () => scripts.every(({ lines }) => idsOf(lines, "ack").length > 150));
    for (const { child } of scripts) child.kill("SIGKILL");
    const endings = await Promise.all(scripts.map(({ ended }) => ended));
    expect(endings.map(({ signal }) => signal)).toEqual(scripts.map(() => "SIGKILL"));
    const tried = scripts.flatMap(({ lines }) => idsOf(lines, "try"));
    for (const { lines } of scripts) for (const id of idsOf(lines, "ack")) acknowledged.add(id);
    unknown = [...repeated, ...tried].filter((id) => !acknowledged.has(id));
    interrupted += unknown.length;
  }
  // Kills that interrupt nothing would prove nothing.
  expect(interrupted).toBeGreaterThan(rounds);

  const store = await sqliteStore({ path });
  const pages = await Promise.all(["left", "right"].map((id) => everyId(store, { kind: "pair", id })));
  const [left = [], right = []] = pages;
  const { record } = await store.read(owner, { kind: "pair", id: "left" });
  await store.close();

  expect(left).toEqual(right);
  expect(new Set(left).size, "nothing was applied twice").toBe(left.length);
  expect(record?.counters.get("n")).toBe(left.length);
  const there = new Set(left);
  expect(
    [...acknowledged].filter((id) => !there.has(id)),
    "acknowledged and lost",
  ).toEqual([]);
});

async function everyId(
  store: Awaited<ReturnType<typeof sqliteStore>>,
  key: { kind: string; id: string },
): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const page = await store.events(owner, key, "ids", { after: ids.length, limit: 5_000 });
    expect(page?.events.map(({ position }) => position)).toEqual(
      page?.events.map((_, index) => ids.length + index + 1),
    );
    ids.push(...(page?.events ?? []).map(({ data }) => data));
    if (page?.more !== true) return ids;
  }
}
