/** Coming and going: probes, drains, kills, and what is still there afterwards. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { afterEach, describe, expect, it } from "vitest";

import { textOf, valueOf } from "../clients/caller.ts";
import {
  poll,
  removeFolder,
  type ServerProcess,
  type StartOptions,
  serverCommand,
  startServer,
  temporaryFolder,
} from "../lib/server-process.ts";
import { within } from "../lib/waiting.ts";
import { connect, openRawSession, post, toolCall } from "./connect.ts";

const folders: string[] = [];
const servers: ServerProcess[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.kill()));
  await Promise.all(folders.splice(0).map(removeFolder));
});

async function start(options: StartOptions = {}): Promise<ServerProcess> {
  const server = await startServer(options);
  servers.push(server);
  folders.push(server.dir);
  return server;
}

/** Keeps every writer of the server's store waiting until it is released. */
function lockStore(server: ServerProcess): { release(): void } {
  const database = new DatabaseSync(join(server.dir, "state.db"));
  database.exec("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE");
  return {
    release() {
      database.exec("ROLLBACK");
      database.close();
    },
  };
}

async function statusOf(url: string): Promise<number | undefined> {
  try {
    const answer = await fetch(url);
    await answer.body?.cancel();
    return answer.status;
  } catch {
    return undefined;
  }
}

function endGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, "SIGKILL");
  } catch {
    // Nobody is left in it.
  }
}

const slowly = { timeout: 30_000 };

describe("probes", () => {
  it("are green from the start, and 405 for what is no GET", async () => {
    const server = await start();
    expect([await statusOf(`${server.origin}/healthz`), await statusOf(`${server.origin}/readyz`)]).toEqual([200, 200]);
    const posted = await fetch(`${server.origin}/readyz`, { method: "POST" });
    expect(posted.status).toBe(405);
    await posted.body?.cancel();
  });

  it("stay green while another process holds the store's write lock", async () => {
    const server = await start();
    const lock = lockStore(server);
    expect(await statusOf(`${server.origin}/readyz`)).toBe(200);
    lock.release();
  });
});

describe("a drain", () => {
  it("turns readiness red, refuses new work, finishes what is under way, and ends with 0", slowly, async () => {
    const server = await start();
    const named = await openRawSession(server.url);
    const lock = lockStore(server);
    const underWay = post(server.url, toolCall("increment_counter", { name: "n" }), named);
    await poll(async () => ((await callsInFlight(server, named)) >= 1 ? true : undefined), "a call in flight");

    server.signal("SIGTERM");
    await poll(async () => ((await statusOf(`${server.origin}/readyz`)) === 503 ? true : undefined), "red readiness");
    expect(await statusOf(`${server.origin}/healthz`)).toBe(200);
    const refused = await post(server.url, toolCall("list_session_keys", {}, 2), named);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, expect.stringMatching(/^\d+$/)]);

    lock.release();
    const answer = await underWay;
    expect(answer.json).toMatchObject({ result: { structuredContent: { value: 1 } } });
    expect(await server.exited).toEqual({ code: 0, signal: null });
    expect(await statusOf(`${server.origin}/healthz`)).toBeUndefined();
  });

  it("ends an open stream, so that its client resumes elsewhere", slowly, async () => {
    const server = await start();
    const named = await openRawSession(server.url);
    const stream = await fetch(server.url, { headers: { ...named, accept: "text/event-stream" } });
    expect(stream.status).toBe(200);
    server.signal("SIGINT");
    // Resolves only because the server ends the stream; an aborted one would throw.
    await stream.text();
    expect(await server.exited).toEqual({ code: 0, signal: null });
  });

  it("takes idle connections with it and needs no time for them", slowly, async () => {
    const server = await start();
    for (let n = 0; n < 5; n++) await statusOf(`${server.origin}/healthz`);
    const before = Date.now();
    expect(await server.stop()).toEqual({ code: 0, signal: null });
    expect(Date.now() - before).toBeLessThan(3_000);
  });

  it("comes also when only npm, or the shell that npm runs it by, is told to stop", slowly, async () => {
    const dir = await temporaryFolder();
    folders.push(dir);
    const { command, args, env } = serverCommand(["serve", "--port", "0", "--store", "memory:"], {
      npm_lifecycle_event: "npx",
    });
    // As npm does it, where the shell has something left to do and so remains. Detached, so that both can be ended as a group.
    const shell = spawn("sh", ["-c", '"$0" "$@"; exit $?', command, ...args], { cwd: dir, env, detached: true });
    let said = "";
    shell.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    // "close" comes when nobody has the pipe any more, the server neither.
    const closed = new Promise<void>((resolve) => shell.once("close", () => resolve()));
    try {
      const url = await poll(() => /^listening on (http:\S+)$/m.exec(said)?.[1], "where the server listens", 30_000);
      shell.kill("SIGTERM");
      await within(closed, 20_000, () => `the server did not end with its shell:\n${said}`);
      expect(said).toContain('"msg":"stopped"');
      expect(await statusOf(url)).toBeUndefined();
    } finally {
      endGroup(shell.pid);
    }
  });

  it("gives calls only as long as it was told to", slowly, async () => {
    const server = await start({ args: ["--drain-timeout", "200ms"] });
    const named = await openRawSession(server.url);
    const lock = lockStore(server);
    const underWay = post(server.url, toolCall("increment_counter", { name: "n" }), named).catch(() => undefined);
    await poll(async () => ((await callsInFlight(server, named)) >= 1 ? true : undefined), "a call in flight");
    const before = Date.now();
    // Somebody else's lock outlasts the drain, and with it what waits to be written: that is no success.
    expect(await server.stop()).toEqual({ code: 1, signal: null });
    // The drain, a moment for those who still come, and what closing may take.
    expect(Date.now() - before).toBeLessThan(20_000);
    expect(server.stderr()).toContain("stopping took too long");
    lock.release();
    await underWay;
  });

  it.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)("is cut short by a second signal (%s)", slowly, async (signal, code) => {
    const server = await start();
    const named = await openRawSession(server.url);
    const lock = lockStore(server);
    const underWay = post(server.url, toolCall("increment_counter", { name: "n" }), named).catch(() => undefined);
    await poll(async () => ((await callsInFlight(server, named)) >= 1 ? true : undefined), "a call in flight");
    server.signal("SIGTERM");
    await poll(async () => ((await statusOf(`${server.origin}/readyz`)) === 503 ? true : undefined), "red readiness");
    const before = Date.now();
    server.signal(signal);
    expect(await server.exited).toEqual({ code, signal: null });
    expect(Date.now() - before).toBeLessThan(1_000);
    lock.release();
    await underWay;
  });
});

describe.each([
  ["a stop", (server: ServerProcess) => server.stop()],
  ["a kill", (server: ServerProcess) => server.kill()],
])("after %s and a start", (_, end) => {
  it("everything is still there, and the same Mcp-Session-Id goes on", slowly, async () => {
    const first = await start();
    const named = await openRawSession(first.url);
    await post(first.url, toolCall("increment_counter", { name: "n", by: 7, idempotency_key: "seven" }), named);
    await post(first.url, toolCall("record_action", { action: "before", details: { a: [1] } }), named);
    await post(first.url, toolCall("set_session_data", { key: "k", value: { deep: [null] } }), named);
    await post(first.url, toolCall("set_preference", { key: "lang", value: "de" }), named);
    const before = await connect(first.url, "2026");
    const made = textOf(
      await valueOf(before.call("create_session", { label: "kept", metadata: { m: 1 } })),
      "session_id",
    );
    await before[Symbol.asyncDispose]();
    await end(first);

    const second = await start({ dir: first.dir, port: first.port });
    const again = await post(
      second.url,
      toolCall("increment_counter", { name: "n", by: 7, idempotency_key: "seven" }),
      named,
    );
    expect(again.json).toMatchObject({ result: { structuredContent: { value: 7 } } });
    const context = await post(second.url, toolCall("get_context"), named);
    expect(context.json).toMatchObject({
      result: {
        structuredContent: {
          total_events: 1,
          counters: { n: 7 },
          preferences: { lang: "de" },
          recent_events: [{ position: 1, type: "before", payload: { a: [1] } }],
        },
      },
    });
    const data = await post(second.url, toolCall("get_session_data", { key: "k" }), named);
    expect(data.json).toMatchObject({ result: { structuredContent: { value: { deep: [null] } } } });
    const after = await connect(second.url, "2026");
    expect(await valueOf(after.call("get_context", { session_id: made }))).toMatchObject({
      label: "kept",
      metadata: { m: 1 },
    });
    await after[Symbol.asyncDispose]();
  });
});

async function callsInFlight(server: ServerProcess, named: Readonly<Record<string, string>>): Promise<number> {
  const answer = await post(server.url, toolCall("server_stats", {}, 99), named);
  // The call that asks is in flight itself.
  return Number(/"in_flight":(\d+)/.exec(answer.text)?.[1] ?? 0) - 1;
}
