import { expect, it } from "vitest";

import { connectFor, databaseForThisFile, openFor, owner } from "./temporary.test-kit.ts";

const database = databaseForThisFile();

it("shows people what was stored, in words, and neither secrets nor commit ids nor the engine's own", async () => {
  const store = await openFor({ url: database() });
  const create = {
    text: '{"total":5}',
    lifetime: { idleMs: 60_000 },
    fields: { "odd\0name": "a\u0001b\0", open: true },
  };
  await store.commit(
    owner,
    [
      {
        kind: "order",
        id: "o1",
        expect: "absent",
        create,
        counters: [{ name: "views", by: 3 }],
        appends: [{ stream: "log", data: ["nul \0 and \u0001", "plain"] }],
      },
      { kind: "holdfast.transport", id: "t", expect: "absent", create: { text: '{"hash":"h"}', lifetime: {} } },
    ],
    { commitId: { id: "a-callers-id", digest: "a-digest", origin: "caller" } },
  );
  const ended = {
    kind: "order",
    id: "o2",
    expect: "any",
    create: { text: "{}", lifetime: { retainMs: 1e6 } },
    end: true,
  } as const;
  await store.commit(owner, [ended]);
  const expired = { text: "{}", lifetime: { absoluteMs: 0, retainMs: 1e6 } };
  await store.commit(owner, [{ kind: "order", id: "o3", expect: "absent", create: expired }]);
  expect((await store.admin.reap({ limit: 100 })).closed).toMatchObject([{ id: "o3" }]);

  const connection = await connectFor(database());
  const role = `reporting_${Date.now()}`;
  // As the documentation says.
  await connection.query(`create role ${role}; grant usage on schema holdfast to ${role};
    grant select on holdfast.shown_records, holdfast.shown_events to ${role}; set role ${role}`);
  try {
    const { rows } = await connection.query("select * from holdfast.shown_records order by id");
    expect(rows).toMatchObject([
      {
        owner,
        kind: "order",
        id: "o1",
        state: "live",
        version: "1",
        document: '{"total":5}',
        fields: { "odd\ufffdname": "a\u0001b\ufffd", open: true },
        counters: { views: 3 },
      },
      { id: "o2", state: "ended", ended_at: expect.any(Date) },
      { id: "o3", state: "expired", ended_at: null },
    ]);
    expect(rows[0]?.["created_at"]).toBeInstanceOf(Date);
    const events = await connection.query("select position, stream, data from holdfast.shown_events order by position");
    expect(events.rows).toEqual([
      { position: "1", stream: "log", data: "nul \ufffd and \u0001" },
      { position: "2", stream: "log", data: "plain" },
    ]);
    const everything = JSON.stringify([rows, events.rows]);
    for (const hidden of ["a-callers-id", "a-digest", "hash", "transport"]) expect(everything).not.toContain(hidden);
    for (const table of ["secrets", "commits", "records", "documents", "owners"]) {
      await expect(connection.query(`select * from holdfast.${table}`)).rejects.toThrow(/permission denied/);
    }
    await expect(connection.query("update holdfast.shown_records set document = ''")).rejects.toThrow(
      /cannot update view|permission denied/,
    );
    await expect(connection.query("select holdfast.erase_2($1)", [owner])).rejects.toThrow(/permission denied/);
  } finally {
    await connection.query(`reset role; drop owned by ${role}; drop role ${role}`);
  }
});
