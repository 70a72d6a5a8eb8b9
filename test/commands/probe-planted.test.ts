/**
 * `holdfast probe` finds out that the store itself lets things go: triggers in the database undo what was written. Two nodes
 * share it behind a balancer, as each remembers for itself what it wrote and would not notice.
 */
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { expect, it } from "vitest";

import { startBalancer } from "../lib/balancer.ts";
import { removeFolder, runServer, startServer, temporaryFolder } from "../lib/server-process.ts";

const dropSecondEvent = "json_remove(tail, '$[4]', '$[4]', '$[4]', '$[4]')";

it.each([
  [
    "an event of a session",
    "session",
    `tail = case json_array_length(tail) when 12 then ${dropSecondEvent} else tail end`,
    "get_context.recent_events has a gap: position 3 comes after 1",
  ],
  [
    "a count that was acknowledged",
    "session",
    `meta = replace(meta, '"probe",7', '"probe",6')`,
    'get_context.counters has to be {"probe":7}, and is {"probe":6}',
  ],
  [
    "what an empty list is",
    "session",
    `document = replace(document, '"list":[]', '"list":{}')`,
    'get_context.preferences has to be {"probe":{"list":[],"object":{}}}',
  ],
  [
    "the newest event of a workflow",
    "workflow",
    `tail = case json_array_length(tail) when 8 then ${dropSecondEvent} else tail end`,
    "fault of its own",
  ],
])("a store that forgets %s", async (_what, kind, damage, reason) => {
  const dir = await temporaryFolder();
  const path = join(dir, "state.db");
  const nodes = [
    await startServer({ dir, store: `sqlite:${path}` }),
    await startServer({ dir, store: `sqlite:${path}` }),
  ];
  try {
    await using balancer = await startBalancer(nodes.map(({ url }) => new URL(url).origin));
    const url = `${balancer.origin}/mcp`;
    const database = new DatabaseSync(path);
    database.exec(`create trigger planted after update of meta, tail, document on records when new.kind = '${kind}'
      begin update records set ${damage} where id = new.id; end`);
    const run = await runServer({
      args: ["probe", url, "--era", "2026", "--workflow", "new", "--json"],
      deadlineMs: 60_000,
    });
    const [round] = JSON.parse(run.stdout).rounds;
    expect(round).toMatchObject({ ok: false, kind: "wrong", reason: expect.stringContaining(reason) });
    expect(run.code).toBe(4);

    // Without the fault the same server is sound: it was the store, and nothing else.
    database.exec("drop trigger planted");
    database.close();
    const sound = await runServer({
      args: ["probe", url, "--era", "2026", "--workflow", "new"],
      deadlineMs: 60_000,
    });
    expect([sound.code, sound.stderr]).toEqual([0, ""]);
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
    await removeFolder(dir);
  }
});
