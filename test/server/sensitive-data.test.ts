/** What is sensitive, and what is sealed: looked for in everything that the server leaves behind. */
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { faultOf, textOf, valueOf } from "../clients/caller.ts";
import { removeFolder, runServer, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { type Connection, connect } from "./connect.ts";

const ring = (current: string, ...ids: string[]): string =>
  JSON.stringify({
    current,
    keys: Object.fromEntries(ids.map((id) => [id, Buffer.alloc(32, id).toString("base64")])),
  });

const open: ServerProcess[] = [];
let dir: string;
let keys: string;

beforeAll(async () => {
  dir = await temporaryFolder();
  keys = join(dir, "seal.json");
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.kill()));
});
afterAll(() => removeFolder(dir));

async function start(database: string, ...args: string[]): Promise<ServerProcess> {
  const server = await startServer({
    dir,
    store: `sqlite:${join(dir, database)}`,
    args: ["--log-level", "debug", ...args],
  });
  open.push(server);
  return server;
}

const sessionOf = async (client: Connection): Promise<string> =>
  textOf(await valueOf(client.call("create_session", { label: "shown" })), "session_id");

/** Everything of a database on disk: the file, its log, and what else begins with its name. */
async function filesOf(database: string): Promise<string> {
  const names = (await readdir(dir)).filter((name) => name.startsWith(database));
  return (await Promise.all(names.map((name) => readFile(join(dir, name), "latin1")))).join("\n");
}

describe("sensitive data", () => {
  it("comes back to its session, under any key, and to no other", async () => {
    const server = await start("own.db");
    await using client = await connect(server.url, "2026");
    const session_id = await sessionOf(client);
    for (const key of ["token", "__proto__", "k\u0000"]) {
      const stored = await valueOf(client.call("store_sensitive_data", { session_id, key, value: `canary ${key}` }));
      expect(stored).toEqual({ session_id, key, stored: true });
      expect(await valueOf(client.call("retrieve_sensitive_data", { session_id, key }))).toEqual({
        session_id,
        key,
        value: `canary ${key}`,
      });
    }
    await valueOf(client.call("store_sensitive_data", { session_id, key: "token", value: "second" }));
    expect(await valueOf(client.call("retrieve_sensitive_data", { session_id, key: "token" }))).toMatchObject({
      value: "second",
    });
    const other = await sessionOf(client);
    const missing = await faultOf(client.call("retrieve_sensitive_data", { session_id: other, key: "token" }));
    expect(missing).toMatchObject({ code: "not_found" });
    await valueOf(client.call("end_session", { session_id }));
    expect(await faultOf(client.call("retrieve_sensitive_data", { session_id, key: "token" }))).toMatchObject({
      code: "not_found",
    });
  });

  it("lies sealed with a key of its own beside the database, which others may not read", async () => {
    const server = await start("own2.db");
    await using client = await connect(server.url, "2025");
    await valueOf(client.call("store_sensitive_data", { key: "token", value: "canary-sensitive" }));
    expect(await valueOf(client.call("retrieve_sensitive_data", { key: "token" }))).toMatchObject({
      value: "canary-sensitive",
    });
    await valueOf(client.call("set_session_data", { key: "plain", value: "visible-data" }));
    const { recent_turns } = await valueOf(client.call("get_context"));
    expect(JSON.stringify(recent_turns)).toContain("[sealed]");
    expect(JSON.stringify(recent_turns)).not.toContain("canary");
    await client.client.close();
    await server.stop();
    const files = await filesOf("own2.db");
    expect(files).toContain("visible-data");
    expect(files).not.toContain("canary-sensitive");
    expect((await stat(join(dir, "own2.db.keys.json"))).mode & 0o077).toBe(0);
    // The next process finds the same key.
    const next = await start("own2.db");
    expect(next.stderr()).toContain("own2.db.keys.json");
  });
});

describe("the answers that carry sensitive data", () => {
  it("lie sealed where a connection's stream is kept for resuming", async () => {
    const server = await start("own3.db", "--response", "sse");
    await using client = await connect(server.url, "2025");
    await valueOf(client.call("store_sensitive_data", { key: "token", value: "canary-sensitive" }));
    expect(await valueOf(client.call("retrieve_sensitive_data", { key: "token" }))).toMatchObject({
      value: "canary-sensitive",
    });
    await valueOf(client.call("set_session_data", { key: "plain", value: "visible-data" }));
    const files = await filesOf("own3.db");
    expect(files).toContain("visible-data");
    expect(files).not.toContain("canary-sensitive");
  });
});

describe("a store of which everything is sealed", () => {
  it("goes on under another key, and alarms where one is gone", async () => {
    await writeFile(keys, ring("a", "a"), { mode: 0o600 });
    const store = `sqlite:${join(dir, "keys.db")}`;
    const before = await start("keys.db", "--seal-keys", keys);
    let session_id: string;
    {
      await using client = await connect(before.url, "2026");
      session_id = await sessionOf(client);
      await valueOf(client.call("set_session_data", { session_id, key: "k", value: "kept" }));
    }
    await before.stop();

    await writeFile(keys, ring("b", "b"), { mode: 0o600 });
    const without = await start("keys.db", "--seal-keys", keys);
    {
      await using client = await connect(without.url, "2026");
      const fault = await faultOf(client.call("get_session_data", { session_id, key: "k" }));
      expect(fault).toMatchObject({ code: "unavailable", retryable: false });
      expect(without.stderr()).toMatch(/"level":50.*"code":"seal-key-missing".*ALARM/);
      expect(without.stderr()).not.toContain(session_id);
    }
    await without.stop();

    await writeFile(keys, ring("b", "a", "b"), { mode: 0o600 });
    const after = await start("keys.db", "--seal-keys", keys);
    const resealed = await runServer({ args: ["reseal", "--seal-keys", keys, "--store", store, "--json"], cwd: dir });
    expect(resealed.code).toBe(0);
    expect(JSON.parse(resealed.stdout)).toMatchObject({ resealed: 1, broken: 0, left: {} });
    await using client = await connect(after.url, "2026");
    expect(await valueOf(client.call("get_session_data", { session_id, key: "k" }))).toMatchObject({ value: "kept" });
    const shown = await runServer({
      args: ["records", session_id, "--seal-keys", keys, "--store", store, "--json"],
      cwd: dir,
    });
    expect(shown.stdout).toContain("kept");
  });

  it("does not take what was stored before, unless that is said", async () => {
    const plain = await start("late.db");
    let session_id: string;
    {
      await using client = await connect(plain.url, "2026");
      session_id = await sessionOf(client);
    }
    await plain.stop();
    await writeFile(keys, ring("a", "a"), { mode: 0o600 });
    const strict = await start("late.db", "--seal-keys", keys);
    {
      await using client = await connect(strict.url, "2026");
      expect(await faultOf(client.call("list_session_keys", { session_id }))).toMatchObject({ code: "unavailable" });
    }
    await strict.stop();
    const open = await start("late.db", "--seal-keys", keys, "--seal-accept-unsealed");
    await using client = await connect(open.url, "2026");
    expect(await valueOf(client.call("list_session_keys", { session_id }))).toMatchObject({ keys: [] });
  });

  it("says what is wrong with keys, and repeats none", async () => {
    const secret = Buffer.alloc(16, "x").toString("base64");
    const args = ["serve", "--port", "0", "--store", "memory:", "--seal-keys"];
    const short = await runServer({ args: [...args, `{"current":"a","keys":{"a":"${secret}"}}`], cwd: dir });
    expect([short.code, short.stderr]).toEqual([2, expect.stringContaining('the key "a" has fewer than 32 bytes')]);
    expect(short.stderr).not.toContain(secret);
    expect((await runServer({ args: [...args, "nowhere.json"], cwd: dir })).code).toBe(2);
  });
});
