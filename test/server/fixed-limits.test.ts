/** The rows of docs/limits.md that have no flag, from both sides: what is just allowed, and what goes beyond it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type Answer, faultOf, textOf, valueOf } from "../clients/caller.ts";
import { removeFolder, type ServerProcess, startServer } from "../lib/server-process.ts";
import { type Connection, connect, openRawSession, post } from "./connect.ts";

let server: ServerProcess;
let one: Connection;

beforeAll(async () => {
  server = await startServer({ store: "memory:", args: ["--max-sessions", "3000", "--log-level", "warn"] });
  one = await connect(server.url, "2026");
});
afterAll(async () => {
  await one[Symbol.asyncDispose]();
  await server.kill();
  await removeFolder(server.dir);
});

const session = async (): Promise<string> => textOf(await valueOf(one.call("create_session")), "session_id");
const quota = { code: "quota_exceeded" };
const invalid = { code: "invalid_argument" };

/** Some at a time, so that nobody's limit on what is under way is what is met. */
async function each<T>(count: number, ask: (n: number) => Promise<T>): Promise<readonly T[]> {
  const answers: T[] = [];
  for (let from = 0; from < count; from += 50) {
    const some = Array.from({ length: Math.min(50, count - from) }, (_, n) => ask(from + n));
    answers.push(...(await Promise.all(some)));
  }
  return answers;
}

const refusedAmong = (answers: readonly Answer[]): number => answers.filter(({ ok }) => !ok).length;

describe("a message's limit", () => {
  it("in a batch is 100", async () => {
    const named = { ...(await openRawSession(server.url)), "mcp-protocol-version": "2025-03-26" };
    const batch = (count: number): unknown =>
      Array.from({ length: count }, (_, id) => ({ jsonrpc: "2.0", id, method: "ping" }));
    // The session is of a version without batches, so one that is not too long is refused for that.
    expect((await post(server.url, batch(100), named)).json).toMatchObject({
      error: { code: -32600, message: expect.stringContaining("no batches") },
    });
    expect((await post(server.url, batch(101), named)).json).toMatchObject({
      error: { code: -32600, message: expect.stringContaining("at most 100") },
    });
  });

  it("of nesting is 64", async () => {
    const nested = (depth: number): string =>
      `{"jsonrpc":"2.0","id":1,"method":"ping","params":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`;
    const named = await openRawSession(server.url);
    expect((await post(server.url, nested(63), named)).status).toBe(200);
    expect((await post(server.url, nested(64), named)).json).toMatchObject({ error: { code: -32600 } });
  });

  it("of headers is 16 KiB", async () => {
    const status = async (characters: number): Promise<number> =>
      (await post(server.url, { jsonrpc: "2.0", id: 1, method: "ping" }, { "x-long": "x".repeat(characters) })).status;
    expect(await status(15 * 1024)).toBe(400);
    expect(await status(16 * 1024)).toBe(431);
  });

  it("in `initialize` is 64 KiB of what a client says of itself", async () => {
    const initialize = (bytes: number): Promise<number> => {
      const clientInfo = { name: "x".repeat(bytes), version: "1" };
      const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
      return post(server.url, { jsonrpc: "2.0", id: 0, method: "initialize", params }).then(({ status }) => status);
    };
    expect(await initialize(65_000)).toBe(200);
    expect(await initialize(65_536)).toBe(400);
  });
});

describe("a session's limit", () => {
  it("of resources that it subscribes to is 256", async () => {
    const named = await openRawSession(server.url);
    const subscribe = (n: number): Promise<unknown> => {
      const params = { uri: `session://ses_${String(n).padStart(22, "A")}` };
      return post(server.url, { jsonrpc: "2.0", id: n, method: "resources/subscribe", params }, named).then(
        ({ json }) => json,
      );
    };
    for (let n = 0; n < 256; n += 1) expect(await subscribe(n)).toMatchObject({ result: {} });
    expect(await subscribe(256)).toMatchObject({ error: { code: expect.any(Number) } });
    expect(await subscribe(7)).toMatchObject({ result: {} });
  });

  it("of counters is 1000", async () => {
    const session_id = await session();
    const count = (n: number): Promise<Answer> => one.call("increment_counter", { session_id, name: `n${n}` });
    const room = (await each(1_010, count)).map(({ ok }) => ok);
    // Those that the engine keeps of a session are among them.
    const made = room.filter(Boolean).length;
    expect(made).toBeLessThanOrEqual(1_000);
    expect(made).toBeGreaterThanOrEqual(990);
    expect(await faultOf(count(2_000))).toMatchObject(quota);
    expect(await valueOf(count(room.indexOf(true)))).toMatchObject({ value: 2 });
  });

  it("of a turn is 4 KiB of its input and 200 characters of its output", async () => {
    await using older = await connect(server.url, "2025");
    await valueOf(older.call("set_session_data", { key: "short", value: "x".repeat(4_000) }));
    await valueOf(older.call("set_session_data", { key: "long", value: "x".repeat(4_100) }));
    await valueOf(older.call("get_session_data", { key: "long" }));
    const { recent_turns: turns } = (await valueOf(older.call("get_context"))) as {
      readonly recent_turns: readonly { readonly input: unknown; readonly output_preview: string }[];
    };
    const [short, long, got] = turns;
    expect(short?.input).toEqual({ key: "short", value: "x".repeat(4_000) });
    expect(JSON.stringify(long?.input).length).toBeLessThan(4_096);
    expect(got?.output_preview).toHaveLength(200);
  });
});

describe("a tool's limit", () => {
  it("of names and keys, and of idempotency keys, is 128 characters, whatever they are", async () => {
    const session_id = await session();
    for (const character of ["x", "é", "🜚"]) {
      const [fits, long] = [character.repeat(128), character.repeat(129)];
      for (const name of [fits, long]) {
        const fault = name === fits ? undefined : invalid;
        const answers = [
          await one.call("increment_counter", { session_id, name }),
          await one.call("set_session_data", { session_id, key: name, value: 1 }),
          await one.call("increment_counter", { session_id, name: "n", idempotency_key: name }),
        ];
        for (const answer of answers) {
          expect(answer).toMatchObject(fault === undefined ? { ok: true } : { ok: false, fault });
        }
      }
    }
  });

  it("of members of a channel is 1000", { timeout: 120_000 }, async () => {
    const ids = await each(1_001, session);
    const joined = await each(1_001, (n) => one.call("join_channel", { channel: "full", session_id: ids[n] ?? "" }));
    expect(refusedAmong(joined)).toBe(1);
    const [member = ""] = ids;
    const late = ids[joined.findIndex(({ ok }) => !ok)] ?? "";
    expect(await faultOf(one.call("join_channel", { channel: "full", session_id: late }))).toMatchObject(invalid);
    await valueOf(
      one.call("leave_channel", { channel: "full", session_id: member === late ? (ids[1] ?? "") : member }),
    );
    expect(await valueOf(one.call("join_channel", { channel: "full", session_id: late }))).toMatchObject({
      members: 1_000,
    });
  });
});
