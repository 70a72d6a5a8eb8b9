import { expect, it } from "vitest";

import { eventually } from "../../../../../test/lib/eventually.ts";

import type { CommitId } from "../../store/contract.ts";
import { connectFor, databaseForThisFile, openFor, owner } from "./temporary.test-kit.ts";

const database = databaseForThisFile();
const create = { kind: "note", expect: "any", create: { text: "{}", lifetime: {} } } as const;
const count = { ...create, counters: [{ name: "n", by: 1 }] } as const;
const row = "select from holdfast.records where owner = $1 and id = $2 for update";

it("holds up nobody else's commit while a row is locked by others, and then goes on with it", async () => {
  const store = await openFor({ url: database() });
  for (const id of ["held", "free"]) await store.commit(owner, [{ ...create, id }]);
  const connection = await connectFor(database());
  await connection.query("begin");
  await connection.query(row, [owner, "held"]);

  let blockedDone = false;
  const blocked = Promise.all([1, 2, 3].map(() => store.commit(owner, [{ ...count, id: "held" }]))).finally(() => {
    blockedDone = true;
  });
  const beganAt = performance.now();
  for (let index = 0; index < 20; index += 1) {
    expect(await store.commit(owner, [{ ...count, id: "free" }])).toMatchObject({ ok: true });
  }
  expect(performance.now() - beganAt).toBeLessThan(1_500);
  expect(blockedDone).toBe(false);
  await connection.query("commit");
  const answers = await blocked;
  expect(new Set(answers.map((answer) => answer.ok && answer.results[0]?.counters.get("n")))).toEqual(
    new Set([1, 2, 3]),
  );
});

it("stands in a locked row's line once, with all that came meanwhile", async () => {
  const store = await openFor({ url: database() });
  for (const id of ["queue", "free"]) await store.commit(owner, [{ ...create, id }]);
  const connection = await connectFor(database());
  const looking = await connectFor(database());
  const inLine = async (): Promise<number> => {
    const { rows } = await looking.query(
      "select pid from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
    );
    return rows.length;
  };
  await connection.query("begin");
  await connection.query(row, [owner, "queue"]);
  const waiting = [store.commit(owner, [{ ...count, id: "queue" }])];
  await eventually("the first waits", async () => (await inLine()) === 1);
  const beganAt = performance.now();
  for (let index = 0; index < 20; index += 1) {
    waiting.push(store.commit(owner, [{ ...count, id: "queue" }]));
    // A batch of its own each.
    await store.commit(owner, [{ ...count, id: "free" }]);
  }
  const mostly = await inLine();
  // What waits for a quarter of a second holds up no others.
  expect(mostly).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - beganAt) / 250));
  const controller = new AbortController();
  const givenUp = store.commit(owner, [{ ...count, id: "queue" }], { signal: controller.signal }).then(
    () => 1,
    () => 0,
  );
  await store.commit(owner, [{ ...count, id: "free" }]);
  controller.abort();
  await connection.query("commit");
  const answers = await Promise.all(waiting);
  expect(new Set(answers.map((answer) => answer.ok && answer.results[0]?.counters.get("n"))).size).toBe(21);
  // Whether it was too late to give up depends on how long all this took; what it is told is true either way.
  const { record } = await store.read(owner, { kind: "note", id: "queue" });
  expect(record?.counters.get("n")).toBe(21 + (await givenUp));
});

it("gives up on a row that stays locked, having written nothing", async () => {
  const store = await openFor({ url: database(), lockTimeoutMs: 100 });
  await store.commit(owner, [{ ...create, id: "stuck" }]);
  const connection = await connectFor(database());
  await connection.query("begin");
  await connection.query(row, [owner, "stuck"]);
  const both = [store.commit(owner, [{ ...count, id: "stuck" }]), store.commit(owner, [{ ...count, id: "stuck" }])];
  const refused = { status: "rejected", reason: { code: "UNAVAILABLE" } };
  expect(await Promise.allSettled(both)).toMatchObject([refused, refused]);
  await connection.query("commit");
  expect(await store.commit(owner, [{ ...count, id: "stuck" }])).toMatchObject({ ok: true });
  const { record } = await store.read(owner, { kind: "note", id: "stuck" });
  expect(record?.counters.get("n")).toBe(1);
});

it("ends no process when a commit gives up while later statements of its batch are under way", async () => {
  const store = await openFor({ url: database(), lockTimeoutMs: 1 });
  await store.commit(owner, [{ ...create, id: "given-up" }]);
  const connection = await connectFor(database());
  await connection.query("begin");
  await connection.query(row, [owner, "given-up"]);
  // Too long to share a statement with anything, and under way for longer than the other waits.
  const long = { text: JSON.stringify("x".repeat(17 * 1024 * 1024)), lifetime: {} };
  const unheard: unknown[] = [];
  const hear = (reason: unknown): void => void unheard.push(reason);
  process.on("unhandledRejection", hear);
  try {
    const commits = [
      { ...count, id: "given-up" },
      ...["long-1", "long-2"].map((id) => ({ ...create, id, create: long })),
    ];
    const [first, ...rest] = await Promise.allSettled(commits.map((change) => store.commit(owner, [change])));
    expect(first).toMatchObject({ status: "rejected", reason: { code: "UNAVAILABLE" } });
    for (const answer of rest) expect(answer).toMatchObject({ status: "fulfilled", value: { ok: true } });
    expect(unheard).toEqual([]);
  } finally {
    process.off("unhandledRejection", hear);
  }
});

it("creates what was missing once the owner's row is free again", async () => {
  const store = await openFor({ url: database() });
  await store.commit(owner, [{ ...create, id: "first" }]);
  const connection = await connectFor(database());
  await connection.query("begin");
  await connection.query("select from holdfast.owners where owner = $1 for update", [owner]);
  const creating = store.commit(owner, [{ ...count, id: "second" }]);
  expect(await store.commit(owner, [{ ...count, id: "first" }])).toMatchObject({ ok: true });
  await connection.query("commit");
  expect(await creating).toMatchObject({ ok: true, results: [{ created: true }] });
});

it("counts exactly when several nodes hammer a few records, in commits of several that cross", async () => {
  const nodes = await Promise.all([1, 2, 3].map(() => openFor({ url: database(), maxConnections: 4 })));
  const ids = ["x", "y", "z"];
  await Promise.all(
    nodes.flatMap((node, which) =>
      Array.from({ length: 40 }, async (_, index) => {
        const [one = "", other = ""] =
          index % 2 === 0 ? [ids[index % 3], ids[(index + 1) % 3]] : [ids[(index + 1) % 3], ids[index % 3]];
        const commitId: CommitId = { id: `${which}-${index}`, digest: "d", origin: "internal" };
        const changes = [one, other].map((id) => ({ ...count, id, appends: [{ stream: "log", data: [`${index}`] }] }));
        expect(await node.commit(owner, changes, { commitId })).toMatchObject({ ok: true, replayed: false });
      }),
    ),
  );
  let total = 0;
  for (const id of ids) {
    const record = (await nodes[0]?.read(owner, { kind: "note", id }))?.record;
    total += record?.counters.get("n") ?? 0;
    expect(record?.streams.get("log")?.head).toBe(record?.counters.get("n"));
  }
  expect(total).toBe(3 * 40 * 2);
});

it("does a commit once that two nodes send at the same time under one id, naming different records", async () => {
  const nodes = await Promise.all([1, 2].map(() => openFor({ url: database() })));
  const commitId: CommitId = { id: "twin", digest: "d", origin: "caller" };
  for (let round = 0; round < 20; round += 1) {
    const id = { ...commitId, id: `twin-${round}` };
    const answers = await Promise.all(
      nodes.map((node, index) =>
        node.commit(owner, [{ ...create, kind: "twin", id: `t${round}-${index}` }], { commitId: id }),
      ),
    );
    expect(new Set(answers.map((answer) => answer.ok && answer.replayed))).toEqual(new Set([false, true]));
  }
  expect((await nodes[0]?.usage(owner))?.byKind["twin"]).toBe(20);
});

it("keeps a commit whole when the statement it shared failed because of a neighbour", async () => {
  const store = await openFor({ url: database() });
  const connection = await connectFor(database());
  await connection.query("alter table holdfast.documents add constraint poison check (document <> 'poison')");
  const texts = ["good", "poison", "fine"];
  const answers = await Promise.allSettled(
    texts.map((text) =>
      store.commit(owner, [{ kind: "mix", id: text, expect: "absent", create: { text, lifetime: {} } }]),
    ),
  );
  await connection.query("alter table holdfast.documents drop constraint poison");
  expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  await eventually("both are there", async () => (await store.usage(owner)).byKind["mix"] === 2);
});

it("splits what would make too long a statement", async () => {
  const store = await openFor({ url: database() });
  const text = JSON.stringify("x".repeat(5_000_000));
  const ids = Array.from({ length: 12 }, (_, index) => `big${index}`);
  const make = { kind: "big", expect: "absent", create: { text, lifetime: {} } } as const;
  const answers = await Promise.all(ids.map((id) => store.commit(owner, [{ ...make, id }])));
  expect(answers.every(({ ok }) => ok)).toBe(true);
  expect((await store.usage(owner)).byKind["big"]).toBe(ids.length);
});
