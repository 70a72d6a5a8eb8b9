import { expect, it } from "vitest";

import type { Change } from "../../record/change.ts";
import { Client } from "./client.ts";
import { Committer } from "./committer.ts";
import { loadDriver } from "./driver.ts";
import { Keys } from "./keys.ts";
import { resolveOptions } from "./options.ts";
import { Owners } from "./owners.ts";
import { assembleScripts } from "./scripts.ts";
import { openFor, owner, storeForThisFile } from "./temporary.test-kit.ts";
import { topologyFor } from "./topologies.ts";
import type { Topology } from "./topology.ts";

const options = storeForThisFile();

/** A committer of its own over the real server, and how many arguments each of its calls had. */
async function committerAndItsCalls(): Promise<{ committer: Committer; calls: number[]; close: () => Promise<void> }> {
  const resolved = resolveOptions(options());
  const topology = topologyFor(await loadDriver(), resolved);
  await topology.connect();
  const calls: number[] = [];
  const counting: Topology = {
    connect: () => topology.connect(),
    send: (key, command) => {
      calls.push(command.length);
      return topology.send(key, command);
    },
    nodes: () => topology.nodes(),
    linesFor: (channels) => topology.linesFor(channels),
    close: () => topology.close(),
  };
  const [client, keys] = [new Client(counting, assembleScripts()), new Keys(resolved.prefix)];
  const committer = new Committer({
    client,
    keys,
    owners: new Owners(client, keys),
    clock: () => "+0",
    options: resolved,
  });
  return { committer, calls, close: () => topology.close() };
}

it("divides commits of very many small events into calls that hold nobody up for long", async () => {
  const store = await openFor(options());
  const make = (id: string): Change => ({ kind: "log", id, expect: "absent", create: { text: "{}", lifetime: {} } });
  const ids = Array.from({ length: 40 }, (_, index) => `log${index}`);
  await Promise.all(ids.map((id) => store.commit(owner, [make(id)])));
  const { committer, calls, close } = await committerAndItsCalls();
  try {
    const appends = [{ stream: "s", data: Array.from({ length: 2_000 }, () => "") }];
    const all = ids.map((id) => committer.commit(owner, [{ kind: "log", id, expect: "present", appends }], {}));
    for (const answer of await Promise.all(all)) expect(answer).toMatchObject({ ok: true });
    expect(Math.max(...calls)).toBeLessThan(20_000);
    // They share calls all the same.
    expect(calls.length).toBeLessThan(ids.length / 2);
  } finally {
    await committer.idle();
    await close();
  }
  expect(await store.admin.stats()).toMatchObject({ records: 40, events: 80_000 });
});

it("keeps records of thousands of indexed fields, and lets go of them whole", async () => {
  const store = await openFor({ ...options(), prefix: `${options().prefix}fields:` });
  const fields = (step: number): Record<string, number> =>
    Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`f${index}`, index * step]));
  const key = { kind: "note", id: "wide" } as const;
  const found = async (where: Record<string, number>): Promise<readonly string[]> =>
    (await store.list(owner, "note", { limit: 9, order: "oldest", where })).records.map(({ id }) => id);
  await store.commit(owner, [
    { ...key, expect: "absent", create: { text: "{}", lifetime: {}, fields: fields(1) } },
    { kind: "note", id: "narrow", expect: "absent", create: { text: "{}", lifetime: {}, fields: { f4999: 4999 } } },
  ]);
  expect(await found({ f4999: 4999 })).toEqual(["wide", "narrow"]);
  await store.commit(owner, [{ ...key, expect: "present", document: { text: "{}", fields: fields(2) } }]);
  expect([await found({ f4999: 4999 }), await found({ f4999: 9998 })]).toEqual([["narrow"], ["wide"]]);
  await store.commit(owner, [{ ...key, expect: "present", end: true }]);
  expect((await store.admin.reap({ limit: 10 })).removed).toMatchObject([key]);
  expect([await found({ f4999: 9998 }), (await store.usage(owner)).records]).toEqual([[], 1]);
});
