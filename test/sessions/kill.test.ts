/** What a client of a 2025-era session sees when the process that serves it is killed in the middle of a call. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test } from "vitest";

import { findRoot } from "../tools/root.ts";

type Talker = { readonly url: string; kill(): Promise<void> };
type Event = { readonly id: string; readonly data: string };
type Headers = Readonly<Record<string, string>>;

let folder: string;
const running = new Set<ChildProcess>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-kill-"));
});

afterEach(async () => {
  await Promise.all([...running].map(kill));
  await rm(folder, { recursive: true, force: true });
});

async function startTalker(): Promise<Talker> {
  const main = join(await findRoot(), ".cache", "build", "test", "sessions", "talker.js");
  const child = spawn(process.execPath, [main, `sqlite:${join(folder, "state.db")}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  const lines = createInterface({ input: child.stdout });
  const [url] = (await once(lines, "line")) as [string];
  return { url, kill: () => kill(child) };
}

async function kill(child: ChildProcess): Promise<void> {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

function send(url: string, method: string, headers: Headers, body?: unknown): Promise<Response> {
  return fetch(url, {
    method,
    headers: { accept: "application/json, text/event-stream", "content-type": "application/json", ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

async function openSession(url: string): Promise<Headers> {
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } };
  const answer = await send(url, "POST", {}, { jsonrpc: "2.0", id: 0, method: "initialize", params });
  const headers = {
    "mcp-session-id": answer.headers.get("mcp-session-id") ?? "",
    "mcp-protocol-version": "2025-11-25",
  };
  await send(url, "POST", headers, { jsonrpc: "2.0", method: "notifications/initialized" });
  return headers;
}

const toolCall = (id: number, name: string, args: object = {}): object => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: args },
});

/** Events as they come, until the stream ends or breaks; `onEvent` hears of each. */
async function readEvents(response: Response, onEvent: (event: Event) => void): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of response.body ?? []) {
      // The body of a fetch is bytes.
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        const field = (name: string): string => new RegExp(`^${name}: ?(.*)$`, "m").exec(block)?.[1] ?? "";
        if (!block.startsWith(":")) onEvent({ id: field("id"), data: field("data") });
      }
    }
  } catch {
    // The process is gone.
  }
}

test("the stream of a call goes on after a kill -9, and ends with an answer that says what happened", async () => {
  const first = await startTalker();
  const headers = await openSession(first.url);
  await send(first.url, "POST", headers, toolCall(1, "count"));
  const seen: Event[] = [];
  const streaming = await send(first.url, "POST", headers, toolCall(2, "talk", { steps: 1_000, waitMs: 20 }));
  await readEvents(streaming, (event) => {
    seen.push(event);
    if (seen.length === 6) void first.kill();
  });
  expect(seen.length).toBeGreaterThanOrEqual(6);

  const second = await startTalker();
  const resumeFrom = seen[2]?.id ?? "";
  const resumed: Event[] = [];
  const answer = await send(second.url, "GET", { ...headers, "last-event-id": resumeFrom });
  expect(answer.status).toBe(200);
  const started = Date.now();
  await readEvents(answer, (event) => resumed.push(event));
  expect(Date.now() - started).toBeLessThan(20_000);

  // Everything that was on a socket was in the log, and is there in order and once.
  const replayed = resumed.slice(0, -1);
  expect(replayed.slice(0, seen.length - 3)).toEqual(seen.slice(3));
  const steps = replayed.map(({ data }) => (JSON.parse(data) as { params: { data: number } }).params.data);
  expect(steps).toEqual(steps.map((_, index) => index + 3));
  const last = JSON.parse(resumed.at(-1)?.data ?? "") as { id: number; error: { code: number; message: string } };
  expect(last).toMatchObject({ id: 2, error: { code: -32603 } });
  expect(last.error.message).toContain("repeated");

  // Whoever resumes again gets the same end.
  const again: Event[] = [];
  await readEvents(await send(second.url, "GET", { ...headers, "last-event-id": resumeFrom }), (event) =>
    again.push(event),
  );
  expect(again).toEqual(resumed);

  // And the session goes on.
  const counted = await (await send(second.url, "POST", headers, toolCall(3, "count"))).text();
  expect(counted).toContain('"text":"2"');
});
