/** Limits of a principal on three nodes of one store, asked for by all at once. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type Answer, faultOf, textOf, valueOf } from "../clients/caller.ts";
import { type DurableStore, durableStores, openDurable } from "../lib/durable-stores.ts";
import { removeFolder, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { type Connection, connect, openRawSession, post, type RawAnswer } from "./connect.ts";

const callers = ["alice", "bob", "carol", "dora", "erin"] as const;
type Caller = (typeof callers)[number];

const kibi = 1024;
const creations = 200;
const limits = { sessions: 40, records: 60, bytes: 512 * kibi } as const;

/** What came of many answers: how many were given, and how the others were refused, each way once. */
function outcome(answers: readonly Answer[]): { readonly made: number; readonly refusals: readonly unknown[] } {
  const refusals = answers.flatMap((answer) => (answer.ok ? [] : [answer.fault.code]));
  return { made: answers.length - refusals.length, refusals: [...new Set(refusals)] };
}

describe.each(durableStores)("on %s", (name) => {
  let place: DurableStore;
  let dir: string;
  let servers: ServerProcess[];
  let clients: Connection[];

  beforeAll(async () => {
    place = await openDurable(name);
    dir = await temporaryFolder();
    [servers, clients] = [[], []];
    const tokens = callers.map((subject) => [`token-of-${subject}`, { subject, clientId: "cli", scopes: [] }]);
    await writeFile(join(dir, "tokens.json"), JSON.stringify(Object.fromEntries(tokens)));
    const { sessions, records, bytes } = limits;
    await start("--max-sessions", `${sessions}`, "--max-records", `${records}`, "--max-bytes", `${bytes}`);
  }, 120_000);

  afterAll(async () => {
    await stop();
    await place[Symbol.asyncDispose]();
    await removeFolder(dir);
  });

  async function start(...args: readonly string[]): Promise<void> {
    const given = ["--auth-tokens", join(dir, "tokens.json"), ...args];
    servers = await Promise.all([0, 1, 2].map(() => startServer({ dir, store: place.url, args: given })));
  }

  async function stop(): Promise<void> {
    await Promise.all(clients.splice(0).map((client) => client[Symbol.asyncDispose]()));
    await Promise.all(servers.splice(0).map((server) => server.kill()));
  }

  /** The caller at each of the nodes. */
  async function atEach(caller: Caller): Promise<readonly Connection[]> {
    const connected = await Promise.all(servers.map(({ url }) => connect(url, "2026", `token-of-${caller}`)));
    clients.push(...connected);
    return connected;
  }

  /** Many calls at once, each node having its share of them. */
  function many(at: readonly Connection[], call: (node: Connection, n: number) => Promise<Answer>): Promise<Answer[]> {
    return Promise.all(
      Array.from({ length: creations }, (_, n) => {
        const node = at[n % at.length];
        if (node === undefined) throw new Error("there is no node");
        return call(node, n);
      }),
    );
  }

  it(`${creations} creations at once leave exactly as many sessions, records and handles as there may be`, async () => {
    const [alice, bob] = [await atEach("alice"), await atEach("bob")];
    const sessions = await many(alice, (node) => node.call("create_session"));
    expect(outcome(sessions)).toEqual({ made: limits.sessions, refusals: ["quota_exceeded"] });
    const workflows = await many(alice, (node, n) => node.call("start_workflow", { name: `w${n}` }));
    expect(outcome(workflows)).toEqual({ made: limits.records - limits.sessions, refusals: ["quota_exceeded"] });
    const [first, second, third] = alice;
    if (first === undefined || second === undefined || third === undefined) throw new Error("there are three nodes");
    expect((await valueOf(first.call("server_stats")))["own"]).toMatchObject({
      sessions: limits.sessions,
      records: limits.records,
    });

    // Nobody else feels it.
    for (const node of bob) await valueOf(node.call("create_session"));

    // Reading and deleting go on, and what was deleted is room for exactly as much, on whatever node.
    const ids = sessions.flatMap((answer) => (answer.ok ? [textOf(answer.value, "session_id")] : []));
    const [gone = "", kept = ""] = ids;
    expect(await valueOf(second.call("get_context", { session_id: kept }))).toMatchObject({ session_id: kept });
    expect(await valueOf(second.call("list_sessions", { limit: 100 }))).toMatchObject({
      sessions: { length: limits.sessions },
    });
    expect(await valueOf(second.call("end_session", { session_id: gone }))).toMatchObject({ ended: true });
    expect(outcome(await many(alice, (node) => node.call("create_session")))).toMatchObject({ made: 1 });
    expect(await faultOf(third.call("start_workflow", { name: "one more" }))).toMatchObject({ code: "quota_exceeded" });
  }, 120_000);

  it("connections that are opened all at once are as many as there may be sessions, and the others 429", async () => {
    const headers = { authorization: "Bearer token-of-carol" };
    const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } };
    const answers = await Promise.all(
      Array.from({ length: creations }, (_, n): Promise<RawAnswer> => {
        const url = servers[n % servers.length]?.url ?? "";
        return post(url, { jsonrpc: "2.0", id: n, method: "initialize", params }, headers);
      }),
    );
    const of = (status: number): readonly RawAnswer[] => answers.filter((answer) => answer.status === status);
    expect([of(200).length, of(429).length]).toEqual([limits.sessions, creations - limits.sessions]);
    for (const refused of of(429)) {
      expect([refused.headers.get("mcp-session-id"), refused.headers.get("retry-after") !== null]).toEqual([
        null,
        true,
      ]);
    }
  }, 120_000);

  it("bytes that are written all at once are no more than there may be, and there is no room left for one", async () => {
    const at = await atEach("dora");
    const [first, second] = at;
    if (first === undefined || second === undefined) throw new Error("there are three nodes");
    const session_id = textOf(await valueOf(first.call("create_session")), "session_id");
    const details = "x".repeat(8 * kibi);
    const action = { session_id, action: "a", details };
    const answers = await many(at, (node) => node.call("record_action", action));
    const { made, refusals } = outcome(answers);
    expect(refusals).toEqual(["quota_exceeded"]);
    const { own } = await valueOf(first.call("server_stats"));
    const { bytes } = own as { readonly bytes: number };
    expect(bytes).toBeGreaterThan(made * details.length);
    expect(bytes).toBeLessThanOrEqual(limits.bytes);
    expect(bytes + details.length + kibi).toBeGreaterThan(limits.bytes);
    expect(await valueOf(second.call("get_context", { session_id }))).toMatchObject({ total_events: made });
    await valueOf(second.call("end_session", { session_id }));
    const next = textOf(await valueOf(first.call("create_session")), "session_id");
    await valueOf(first.call("record_action", { ...action, session_id: next }));
  }, 120_000);

  it("documents that grow all at once are no larger together than they may be, and shrink again", async () => {
    const at = await atEach("erin");
    const [first, , third] = at;
    if (first === undefined || third === undefined) throw new Error("there are three nodes");
    const made = await Promise.all(Array.from({ length: 20 }, () => valueOf(first.call("create_session"))));
    const ids = made.map((session) => textOf(session, "session_id"));
    const value = "x".repeat(8 * kibi);
    const grow = (n: number): object => ({ session_id: ids[n % ids.length], key: `k${n}`, value });
    const answers = await many(at, (node, n) => node.call("set_session_data", { ...grow(n) }));
    const { made: grown, refusals } = outcome(answers);
    expect(refusals).toEqual(["quota_exceeded"]);
    const bytesNow = async (): Promise<number> => {
      const { own } = await valueOf(third.call("server_stats"));
      return (own as { readonly bytes: number }).bytes;
    };
    const bytes = await bytesNow();
    expect(bytes).toBeGreaterThan(grown * value.length);
    expect(bytes).toBeLessThanOrEqual(limits.bytes);
    expect(bytes + value.length + kibi).toBeGreaterThan(limits.bytes);
    // Replacing by less, and deleting, go on where there is no room, and make it.
    const written = answers.flatMap((answer, n) => (answer.ok ? [n] : []));
    const [shrunk = 0, deleted = 0] = written;
    await valueOf(third.call("set_session_data", { ...grow(shrunk), value: "" }));
    await valueOf(third.call("delete_session_data", { session_id: ids[deleted % ids.length], key: `k${deleted}` }));
    expect(await bytesNow()).toBeLessThan(bytes - value.length);
    await valueOf(first.call("set_session_data", { ...grow(shrunk) }));
  }, 120_000);

  it("the calls of a minute are counted over all of them", async () => {
    await stop();
    await start("--max-calls-per-minute", "120");
    const headers = { authorization: "Bearer token-of-bob" };
    const named = await openRawSession(servers[0]?.url ?? "", headers);
    const began = Date.now();
    const ping = { jsonrpc: "2.0", id: 1, method: "ping" } as const;
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, n) => post(servers[n % servers.length]?.url ?? "", ping, named)),
    );
    const through = answers.filter(({ status }) => status === 200).length;
    expect(answers.filter(({ status }) => status !== 200 && status !== 429)).toEqual([]);
    // What opening the session took, and a part and a half of six that a node may have in hand.
    expect(through).toBeGreaterThanOrEqual(120 - 2 - 3 * 9);
    expect(through).toBeLessThanOrEqual(120 - 2 + Math.ceil((Date.now() - began) / 500));
    const others = { authorization: "Bearer token-of-carol" };
    const lookup = { jsonrpc: "2.0", id: 1, method: "tools/list", params: {} };
    expect((await post(servers[1]?.url ?? "", lookup, { ...others, "mcp-session-id": "ses_x.y" })).status).toBe(404);
  }, 120_000);
});
