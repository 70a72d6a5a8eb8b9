/** A disk that is really full: writes are refused whole, reads go on, and room is all it takes to write again. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { openStore } from "holdfast";
import type { Change, Owner, Store } from "holdfast/contract";
import { describe, expect, it, onTestFinished } from "vitest";

import { faultOf, textOf, valueOf } from "../clients/caller.ts";
import { startServer } from "../lib/server-process.ts";
import { startPostgres } from "../lib/servers/postgres.ts";
import { type SmallDisk, smallDisk } from "../lib/small-disk.ts";
import { poll } from "../lib/waiting.ts";
import { connect, post } from "../server/connect.ts";

const owner = "full-owner-0123456789abcdefghijk" as Owner;
const mebibyte = 1024 * 1024;
/** Commits that are under way together, so that some of a batch fit and others do not. */
const atOnce = 6;
const maxRounds = 400;

type Full = { readonly disk: SmallDisk; readonly url: string };

async function sqlite(): Promise<Full> {
  const disk = await smallDisk(24 * mebibyte);
  onTestFinished(() => disk[Symbol.asyncDispose]());
  return { disk, url: `sqlite:${join(disk.path, "state.db")}` };
}

/** Its whole data directory is on the disk. Files of its log are so large that tables meet the end of the disk first. */
async function postgres(): Promise<Full> {
  const disk = await smallDisk(128 * mebibyte);
  onTestFinished(() => disk[Symbol.asyncDispose]());
  const server = await startPostgres([], { under: disk.path });
  onTestFinished(() => server.stop());
  return { disk, url: server.url };
}

/** Two records that only make sense together. What is random cannot be compressed. */
function pair(id: string): readonly Change[] {
  const text = JSON.stringify(randomBytes(12_000).toString("base64"));
  const create = { text, lifetime: {} };
  return ["left", "right"].map((kind) => ({ kind, id, expect: "absent", create }));
}

type Filled = { readonly acknowledged: readonly string[]; readonly refusals: readonly unknown[] };

/** Writes pairs until some are refused. */
async function writeUntilFull(store: Store): Promise<Filled> {
  const acknowledged: string[] = [];
  for (let round = 0; round < maxRounds; round += 1) {
    const ids = Array.from({ length: atOnce }, (_, n) => `n${round}-${n}`);
    const answers = await Promise.allSettled(ids.map((id) => store.commit(owner, pair(id))));
    const refusals: unknown[] = [];
    for (const [n, answer] of answers.entries()) {
      if (answer.status === "rejected") refusals.push(answer.reason);
      else if (answer.value.ok) acknowledged.push(ids[n] ?? "");
      else throw new Error(`refused for another reason: ${JSON.stringify(answer.value.refusal)}`);
    }
    if (refusals.length > 0) return { acknowledged, refusals };
  }
  throw new Error(`the disk was not full after ${maxRounds} rounds`);
}

/** Everything that was acknowledged is there, both halves of it, and nothing else. */
async function expectWhole(store: Store, acknowledged: readonly string[]): Promise<void> {
  for (const kind of ["left", "right"]) {
    const found: string[] = [];
    let after: string | undefined;
    do {
      const page = await store.list(owner, kind, { limit: 1_000, order: "oldest", after });
      found.push(...page.records.map(({ id }) => id));
      after = page.next;
    } while (after !== undefined);
    expect(found.sort()).toEqual([...acknowledged].sort());
  }
  const id = acknowledged[0] ?? "";
  expect((await store.read(owner, { kind: "left", id })).record?.documentBytes).toBeGreaterThan(12_000);
}

describe.each([
  // Before the write-ahead log was ever moved into the file; while it is being moved; and after that.
  ["sqlite, in its log", sqlite, 0.4],
  ["sqlite, while its log is moved into the file", sqlite, 6],
  ["sqlite, after its log was moved several times", sqlite, 14],
  ["postgres", postgres, 4],
] as const)("a full disk under %s", (_, open, roomMebibytes) => {
  it("refuses writes whole, goes on reading, and writes again once there is room", async () => {
    const { disk, url } = await open();
    await using store = await openStore(url);
    await disk.fill(roomMebibytes * mebibyte);
    const { acknowledged, refusals } = await writeUntilFull(store);
    for (const refusal of refusals) expect(refusal).toMatchObject({ code: "STORE_FULL", retryable: false });
    await expectWhole(store, acknowledged);
    const huge = { text: JSON.stringify(randomBytes(4 * mebibyte).toString("base64")), lifetime: {} };
    const again = store.commit(owner, [{ kind: "left", id: "huge", expect: "absent", create: huge }]);
    await expect(again).rejects.toMatchObject({ code: "STORE_FULL" });
    await expectWhole(store, acknowledged);

    await disk.makeRoom();
    expect(await store.commit(owner, pair("after"))).toMatchObject({ ok: true });
    await expectWhole(store, [...acknowledged, "after"]);
    // And so it is on the disk, not only in this process's memory.
    await using other = await openStore(url);
    await expectWhole(other, [...acknowledged, "after"]);
  });
});

describe.each([
  ["sqlite", sqlite],
  ["postgres", postgres],
] as const)("the ready server on a full disk under %s", (_, open) => {
  it("answers 507 and a tool's error, goes on reading, and needs no restart", async () => {
    const { disk, url } = await open();
    await using server = await startServer({ store: url, args: ["--max-sessions", "5000"] });
    await using client = await connect(server.url, "2025");
    await valueOf(client.call("set_session_data", { key: "kept", value: "still here" }));
    await disk.fill(0);
    const value = randomBytes(100_000).toString("base64");
    const fault = await poll(
      async () => {
        const answer = await client.call("set_session_data", {
          key: "big",
          value: value + randomBytes(3).toString("hex"),
        });
        return answer.ok ? undefined : answer.fault;
      },
      "a refusal",
      60_000,
      0,
    );
    expect(fault).toMatchObject({ code: "unavailable", retryable: false, message: expect.stringContaining("full") });
    // What is small may still fit into pages that are there already.
    const params = {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "n".repeat(60_000), version: "1" },
    };
    const refused = await poll(
      async () => {
        const answer = await post(server.url, { jsonrpc: "2.0", id: 1, method: "initialize", params });
        if (answer.status === 200) return undefined;
        return answer;
      },
      "an initialize that does not fit",
      60_000,
      0,
    );
    expect(refused).toMatchObject({ status: 507, json: { error: { code: -32603 } } });
    expect(refused.headers.get("mcp-session-id")).toBeNull();
    expect(await valueOf(client.call("get_session_data", { key: "kept" }))).toMatchObject({ value: "still here" });

    await disk.makeRoom();
    expect(textOf(await valueOf(client.call("set_session_data", { key: "kept", value: "again" })), "key")).toBe("kept");
    await using later = await connect(server.url, "2025");
    expect(await faultOf(later.call("get_session_data", { key: "kept" }))).toMatchObject({ code: "not_found" });
  });
});

it("outlives PostgreSQL, which ends when the disk of its log is full, and goes on once it is back", async () => {
  await using disk = await smallDisk(12 * mebibyte);
  const server = await startPostgres(["max_wal_size=4MB", "min_wal_size=2MB"], { walUnder: disk.path, restarts: true });
  onTestFinished(() => server.stop());
  await using store = await openStore(server.url);
  await store.commit(owner, pair("first"));
  await disk.fill(0);
  const { acknowledged, refusals } = await writeUntilFull(store);
  // The server is gone in the middle of it: what became of these is not known, or nothing was sent.
  for (const refusal of refusals)
    expect(refusal).toMatchObject({ code: expect.stringMatching(/^(OUTCOME_UNKNOWN|UNAVAILABLE|STORE_FULL)$/) });

  await disk.makeRoom();
  await poll(
    async () => {
      const answer = await store.commit(owner, pair("after")).catch(() => undefined);
      // Made already by a try whose answer was lost.
      return answer === undefined ? undefined : true;
    },
    "a commit after PostgreSQL is back",
    60_000,
    50,
  );
  for (const id of ["first", "after", ...acknowledged]) {
    for (const kind of ["left", "right"]) expect((await store.read(owner, { kind, id })).record).toBeDefined();
  }
  // Of those nobody was told about, either both halves are there or none.
  const ids = async (kind: string): Promise<readonly string[]> =>
    (await store.list(owner, kind, { limit: 1_000, order: "oldest" })).records.map(({ id }) => id).sort();
  expect(await ids("left")).toEqual(await ids("right"));
});
