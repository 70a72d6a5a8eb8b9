/** `holdfast migrate`: everything of one store into another, whatever is killed on the way. */
import { join } from "node:path";
import { openStore, type Store } from "holdfast";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { eventually } from "../lib/eventually.ts";
import { removeFolder, runServer, startCommand, temporaryFolder } from "../lib/server-process.ts";
import { type PostgresServer, startPostgres } from "../lib/servers/postgres.ts";
import { freshDatabase } from "../lib/servers/postgres-database.ts";
import { type RedisServer, startRedis } from "../lib/servers/redis.ts";
import { furnish, ownerNamed } from "./furnish.ts";

let dir: string;
let postgres: PostgresServer;
const redises: RedisServer[] = [];
let databases = 0;

beforeAll(async () => {
  dir = await temporaryFolder();
  postgres = await startPostgres();
});
afterAll(async () => {
  for (const server of redises) await server.stop();
  await postgres.stop();
  await removeFolder(dir);
});

function freshFile(): string {
  databases += 1;
  return `sqlite:${join(dir, `${databases}.db`)}`;
}

function freshPostgres(): Promise<string> {
  databases += 1;
  return freshDatabase(postgres.url, `moved_${databases}`);
}

async function freshRedis(): Promise<string> {
  const server = await startRedis();
  redises.push(server);
  return server.url;
}

async function furnished(url: string, owners: number, each: number): Promise<string> {
  await using store = await openStore(url);
  await furnish(store, owners, each);
  return url;
}

async function move(from: string, to: string, ...more: readonly string[]) {
  return await runServer({ args: ["migrate", "--from", from, "--to", to, ...more], cwd: dir, deadlineMs: 120_000 });
}

async function inStore<T>(url: string, look: (store: Store) => Promise<T>): Promise<T> {
  await using store = await openStore(url);
  return await look(store);
}

describe("a move", () => {
  it.each([
    ["SQLite to SQLite", freshFile, freshFile],
    ["SQLite to PostgreSQL", freshFile, freshPostgres],
    ["PostgreSQL to SQLite", freshPostgres, freshFile],
    ["SQLite to Redis", freshFile, freshRedis],
    ["Redis to PostgreSQL", freshRedis, freshPostgres],
  ])("from %s takes everything along, and says so", async (_what, freshFrom, freshTo) => {
    const [from, to] = [await furnished(await freshFrom(), 5, 40), await freshTo()];
    const run = await move(from, to, "--json");
    expect([run.code, run.stderr]).toEqual([0, expect.stringMatching(/^copying .*100%.*\nverifying .*100%/m)]);
    const report = JSON.parse(run.stdout);
    expect(report).toMatchObject({ ok: true, differing: 0, counts: { records: 200, commitIds: 200, events: 390 } });
    expect(report.verified.from).toEqual(report.verified.to);
    await inStore(to, async (store) => {
      const page = await store.list(ownerNamed("owner-3"), "note", { limit: 3, order: "newest" });
      expect(page.records.map(({ id }) => id)).toEqual(["note_39", "note_38", "note_37"]);
      const commitId = { id: "once-7", digest: "d", origin: "caller" } as const;
      const create = { text: "{}", lifetime: {} };
      const change = { kind: "note", id: "note_7", expect: "absent", create } as const;
      expect(await store.commit(ownerNamed("owner-3"), [change], { commitId })).toMatchObject({ replayed: true });
    });
  });

  it("into the store it comes from is refused, however that is written", async () => {
    const from = await furnished(freshFile(), 1, 1);
    const run = await move(from, `sqlite:./${from.slice(from.lastIndexOf("/") + 1)}`);
    expect([run.code, run.stderr]).toEqual([2, expect.stringContaining("--from and --to name the same store")]);
  });

  it("is told in a table that a person can read", async () => {
    const run = await move(await furnished(freshFile(), 1, 3), freshFile());
    expect(run.code).toBe(0);
    expect(run.stdout).toMatch(/^moved +count\nrecords +3\nevents +4\n/);
    expect(run.stdout).toContain("verified: both hold the same; start your servers on the destination");
  });

  it("goes on where kill -9 left it", async () => {
    const [from, to] = [await furnished(freshFile(), 4, 300), freshFile()];
    let kills = 0;
    let there = 0;
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const command = startCommand({ args: ["migrate", "--from", from, "--to", to], cwd: dir });
      const wanted = there + 200;
      await eventually("some of it is copied", async () => {
        const stats = await inStore(to, (store) => store.admin.stats());
        return stats.records > wanted;
      });
      command.process.kill("SIGKILL");
      const { signal } = await command.exited;
      if (signal === "SIGKILL") kills += 1;
      there = (await inStore(to, (store) => store.admin.stats())).records;
    }
    expect(kills).toBe(2);
    expect(there).toBeLessThan(1_200);
    const run = await move(from, to, "--json");
    const report = JSON.parse(run.stdout);
    expect(report).toMatchObject({ ok: true, resumed: true, verified: { to: { records: 1_200 } } });
    expect(report.counts.records).toBeLessThan(900);
  }, 120_000);

  it("ends when it is asked to, with what to do next, and goes on", async () => {
    const [from, to] = [await furnished(freshFile(), 4, 250), freshFile()];
    const command = startCommand({ args: ["migrate", "--from", from, "--to", to], cwd: dir });
    await eventually("some of it is copied", async () => {
      return (await inStore(to, (store) => store.admin.stats())).records > 100;
    });
    command.process.kill("SIGINT");
    expect(await command.exited).toEqual({ code: 130, signal: null });
    expect(command.stderr()).toContain("interrupted; run the same command again to go on");
    const run = await move(from, to, "--json");
    expect(JSON.parse(run.stdout)).toMatchObject({ ok: true, resumed: true });
  }, 120_000);

  it("whose destination dies says so within its deadlines, and how to go on", async () => {
    const server = await startRedis();
    const from = await furnished(freshFile(), 4, 2_000);
    const command = startCommand({ args: ["migrate", "--from", from, "--to", server.url], cwd: dir });
    await inStore(server.url, (store) =>
      eventually("some of it is copied", async () => (await store.admin.stats()).records > 100),
    );
    await server.stop();
    expect(await command.exited).toEqual({ code: 1, signal: null });
    expect(command.stderr()).toContain("the move has stopped in the middle; run the same command again to go on");
  }, 120_000);

  it("that was written to meanwhile is reported, and mended by the next", async () => {
    const [from, to] = [await furnished(freshFile(), 30, 20), freshFile()];
    await using source = await openStore(from);
    const command = startCommand({ args: ["migrate", "--from", from, "--to", to], cwd: dir });
    await eventually("the copying is near its end", async () => {
      return (await inStore(to, (store) => store.admin.stats())).records > 300;
    });
    // The first owner was copied long ago.
    const counters = [{ name: "late", by: 1 }];
    await source.commit(ownerNamed("owner-0"), [{ kind: "note", id: "note_1", expect: "present", counters }]);
    expect(await command.exited).toEqual({ code: 4, signal: null });
    expect(command.stdout()).toMatch(/^different +owner-0_+ +note +note_1$/m);
    expect(command.stdout()).toContain("the source was written to meanwhile: stop every server");
    const run = await move(from, to, "--json");
    expect(JSON.parse(run.stdout)).toMatchObject({ ok: true, resumed: true, counts: { records: 1 } });
  }, 120_000);
});

describe("a move is refused", () => {
  it("into a store that holds something, unless that is accepted by name", async () => {
    const [from, to] = [await furnished(freshFile(), 1, 3), freshFile()];
    await inStore(to, async (store) => {
      const create = { text: "{}", lifetime: {} };
      await store.commit(ownerNamed("theirs"), [{ kind: "theirs", id: "one", expect: "absent", create }]);
    });
    const run = await move(from, to);
    expect(run).toMatchObject({ code: 3, stdout: "" });
    expect(run.stderr).toContain("the destination holds data already; name an empty one, or say --accept other-data");
    expect((await move(from, to, "--accept", "other-data")).code).toBe(0);
    expect((await inStore(to, (store) => store.admin.stats())).owners).toBeGreaterThanOrEqual(2);
  });

  it.each([
    [["--from", "sqlite:nowhere.db", "--to", "sqlite:b.db"], "there is no file"],
    [["--from", "memory:", "--to", "sqlite:b.db"], "is out of reach of every process but its own"],
    [["--from", "sqlite:b.db"], "a move needs both --from URL and --to URL"],
    [["--accept", "other-data"], "--accept is for a move"],
    [["--from", "a", "--to", "b", "--accept", "fire"], '--accept takes other-data, and "fire" is not'],
  ])("%j", async (args, reason) => {
    const run = await runServer({ args: ["migrate", ...args], cwd: dir });
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toContain(reason);
  });

  it("into itself, and leaves nothing behind", async () => {
    const from = await furnished(freshFile(), 1, 3);
    const run = await move(from, from);
    expect([run.code, run.stderr]).toEqual([2, expect.stringContaining("the same store")]);
    const told = await move(from, from, "--accept", "other-data");
    expect([told.code, told.stderr]).toEqual([2, expect.stringContaining("the same store")]);
  });
});

it("without stores it brings the schema up to date and says which it is", async () => {
  for (const url of [freshFile(), await freshPostgres()]) {
    const run = await runServer({ args: ["migrate", "--store", url, "--json"], cwd: dir });
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout).schema).toBeGreaterThanOrEqual(1);
    const again = await runServer({ args: ["migrate"], env: { HOLDFAST_STORE: url }, cwd: dir });
    expect(again.stdout).toMatch(/: schema \d+, up to date\n$/);
  }
});
