/** A flood from many sides, and somebody who means well and is served all the while. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { textOf, valueOf } from "../clients/caller.ts";
import { removeFolder, runServer, startServer, temporaryFolder } from "../lib/server-process.ts";
import { poll } from "../lib/waiting.ts";
import { type Connection, connect } from "../server/connect.ts";
import { attackAll, type Tally, unexpected } from "./attackers.ts";

const tokens = { "mallory-0123456789": { subject: "mallory" }, "alice-0123456789ab": { subject: "alice" } };
const [mallory = "", alice = ""] = Object.keys(tokens);
const maxSessions = 50;
/** A heap that a leak would fill within minutes. */
const heapMebibytes = 192;
/** Between two calls of who means well. */
const pauseMs = 20;

export type FloodOptions = {
  readonly calmMs: number;
  readonly floodMs: number;
  /** Default: a SQLite file of its own. */
  readonly store?: string;
};

/** One of each era. */
type Clients = readonly [older: Connection, newer: Connection];

export type Latency = { readonly calls: number; readonly medianMs: number; readonly p95Ms: number };

export type FloodResult = {
  /** What should not be; empty where all is well. */
  readonly complaints: readonly string[];
  readonly before: Latency;
  readonly during: Latency;
  readonly tally: Tally;
  /** Of the server's process, in bytes: the most before the flood, and in either half of it. */
  readonly memory: { readonly before: number; readonly early: number; readonly late: number };
};

export async function flood({ calmMs, floodMs, store }: FloodOptions): Promise<FloodResult> {
  const dir = await temporaryFolder();
  const url = store ?? `sqlite:${join(dir, "state.db")}`;
  try {
    const file = join(dir, "tokens.json");
    await writeFile(file, JSON.stringify(tokens), { mode: 0o600 });
    const env = { NODE_OPTIONS: `--max-old-space-size=${heapMebibytes}` };
    await using server = await startServer({
      dir,
      store: url,
      env,
      args: ["--auth-tokens", file, "--max-sessions", String(maxSessions)],
    });
    const complaints: string[] = [];
    const clients: Clients = [await connect(server.url, "2025", alice), await connect(server.url, "2026", alice)];
    const memory = { before: 0, early: 0, late: 0 };
    const measure = async (ms: number, onBytes: (bytes: number) => void): Promise<Latency> => {
      const signal = AbortSignal.timeout(ms);
      const watching = watchMemory(server.origin, signal, onBytes);
      const latency = await callAllTheWhile(clients, signal, complaints);
      await watching;
      return latency;
    };
    const before = await measure(calmMs, (bytes) => (memory.before = Math.max(memory.before, bytes)));
    const stop = new AbortController();
    const attacking = attackAll({ url: server.url, token: mallory }, stop.signal);
    const beganAt = performance.now();
    const during = await measure(floodMs, (bytes) => {
      const half = performance.now() - beganAt < floodMs / 2 ? "early" : "late";
      memory[half] = Math.max(memory[half], bytes);
    });
    stop.abort();
    const tally = await attacking;
    for (const client of clients) await client[Symbol.asyncDispose]();
    complaints.push(...unexpected(tally));
    const { status } = await fetch(`${server.origin}/readyz`);
    if (status !== 200) complaints.push(`/readyz answers ${status} after the flood`);
    const exit = await server.stop();
    if (exit.code !== 0)
      complaints.push(`the server ended with ${exit.code ?? exit.signal}:\n${server.stderr().slice(-2_000)}`);
    complaints.push(...(await complaintsOfStore(url, dir)));
    return { complaints, before, during, tally, memory };
  } finally {
    await removeFolder(dir);
  }
}

/** Each call is answered, and rightly: what was counted is the count. */
async function callAllTheWhile([older, newer]: Clients, signal: AbortSignal, complaints: string[]): Promise<Latency> {
  const took: number[] = [];
  const session_id = await poll(async () => {
    const answer = await older.call("create_session", {});
    return answer.ok ? textOf(answer.value, "session_id") : undefined;
  }, "a session of who means well");
  let count = 0;
  while (!signal.aborted) {
    const client = count % 2 === 0 ? older : newer;
    const beganAt = performance.now();
    try {
      const { value } = await valueOf(client.call("increment_counter", { session_id, name: "n" }));
      count += 1;
      if (value !== count) complaints.push(`the counter is ${String(value)} after ${count} calls`);
    } catch (error) {
      complaints.push(`a call of who means well failed: ${error instanceof Error ? error.message : String(error)}`);
      return latencyOf(took);
    }
    took.push(performance.now() - beganAt);
    await delay(pauseMs);
  }
  return latencyOf(took);
}

function latencyOf(took: readonly number[]): Latency {
  const sorted = [...took].sort((one, other) => one - other);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? 0;
  return { calls: took.length, medianMs: at(0.5), p95Ms: at(0.95) };
}

async function watchMemory(origin: string, signal: AbortSignal, onBytes: (bytes: number) => void): Promise<void> {
  while (!signal.aborted) {
    const text = await fetch(`${origin}/metrics`).then(
      (answer) => answer.text(),
      () => "",
    );
    const bytes = Number(/^process_memory_usage\w*(?:\{[^}]*\})? (\S+)/m.exec(text)?.[1] ?? 0);
    if (bytes > 0) onBytes(bytes);
    await delay(1_000, undefined, { signal }).catch(() => undefined);
  }
}

/** Who floods has what the quota allows, and nothing else came of it. */
async function complaintsOfStore(store: string, dir: string): Promise<readonly string[]> {
  const run = await runServer({ args: ["records", "--json", "--limit", "10000", "--store", store], cwd: dir });
  const { records } = JSON.parse(run.stdout) as {
    readonly records: readonly { readonly kind: string; readonly owner: string; readonly state: string }[];
  };
  const sessions = new Map<string, number>();
  for (const { kind, owner, state } of records) {
    if (kind === "session" && state === "live") sessions.set(owner, (sessions.get(owner) ?? 0) + 1);
  }
  const most = Math.max(0, ...sessions.values());
  return [
    ...(most > maxSessions ? [`somebody has ${most} sessions, and may have ${maxSessions}`] : []),
    ...(sessions.size > 2 ? [`${sessions.size} owners have sessions`] : []),
  ];
}
