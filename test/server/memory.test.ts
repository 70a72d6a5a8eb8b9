/** A server with little memory, more and more of which is in use: it lives, and so does everybody it serves already. */
import { afterEach, describe, expect, it } from "vitest";

import { poll, removeFolder, type ServerProcess, startServer } from "../lib/server-process.ts";
import { openRawSession, post, type RawAnswer, toolCall } from "./connect.ts";

let server: ServerProcess | undefined;
let gone: AbortController;

afterEach(async () => {
  gone.abort();
  await server?.kill();
  if (server !== undefined) await removeFolder(server.dir);
});

const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } };

function initialize(url: string): Promise<RawAnswer> {
  return post(url, { jsonrpc: "2.0", id: 0, method: "initialize", params });
}

describe("with a heap of 48 MiB", () => {
  it("refuses new sessions before it runs out, loses nothing of those it has, and takes new ones when there is room", async () => {
    gone = new AbortController();
    const { url } = (server = await startServer({
      args: ["--max-streams-per-principal", "100000", "--max-sessions", "100000", "--log-level", "warn"],
      env: { NODE_OPTIONS: "--max-old-space-size=48" },
    }));
    const listening: Readonly<Record<string, string>>[] = [];
    // Each has a stream open, so none of them can be given up.
    const fill = async (): Promise<void> => {
      while (listening.length < 3_000) {
        const named = await openRawSession(url);
        if (named["mcp-session-id"] === undefined) return;
        const counted = await post(url, toolCall("increment_counter", { name: "n" }), named);
        const stream = await fetch(url, { headers: { ...named, accept: "text/event-stream" }, signal: gone.signal });
        expect([counted.status, stream.status]).toEqual([200, 200]);
        listening.push(named);
      }
    };
    await Promise.all([fill(), fill(), fill(), fill()]);
    expect(listening.length).toBeLessThan(3_000);

    const refused = await initialize(url);
    expect([
      refused.status,
      refused.headers.get("retry-after"),
      refused.headers.get("mcp-session-id"),
      refused.json,
    ]).toEqual([503, "5", null, { jsonrpc: "2.0", error: { code: -32603, message: "Service unavailable" }, id: null }]);
    const told = warningsIn(server.stderr());
    expect(told.slice(0, 3)).toEqual(["memory-high", "memory-shedding", "memory-refusing"]);
    const metrics = await (await fetch(new URL("/metrics", url))).text();
    expect(metrics).toMatch(/^holdfast_memory_relieved_total\{step="caches".*\} [1-9]/m);
    expect(metrics).toMatch(/^holdfast_limit_refused_total\{limit="memory".*\} [1-9]/m);

    for (const named of listening.slice(0, 20)) {
      const counted = await post(url, toolCall("increment_counter", { name: "n" }), named);
      expect(counted.json).toMatchObject({ result: { structuredContent: { value: 2 } } });
    }
    gone.abort();
    await poll(async () => ((await initialize(url)).status === 200 ? true : undefined), "room for a session", 60_000);
  }, 180_000);
});

function warningsIn(stderr: string): readonly string[] {
  return [...stderr.matchAll(/"code":"(memory-\w+)"/g)].map(([, code]) => code ?? "");
}
