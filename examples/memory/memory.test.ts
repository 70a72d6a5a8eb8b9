import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import type { App } from "holdfast";
import { localUser } from "holdfast";
import { race } from "holdfast/testing";
import { afterEach, beforeEach, expect, it } from "vitest";

import { type Memories, memories, openMemories } from "./memory.ts";

type Answer = Record<string, unknown>;

let hold: Memories;
let app: App;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  hold = await openMemories("memory:");
  app = memories(hold);
  closing.push(
    () => app.close(),
    () => hold.close(),
  );
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A client of either era. No sockets: the app is a function from requests to responses. */
async function connect(era: "2025" | "2026"): Promise<(tool: string, args?: object) => Promise<Answer>> {
  const mode = era === "2025" ? "legacy" : ({ pin: "2026-07-28" } as const);
  const client = new Client({ name: "talker", version: "1.0.0" }, { versionNegotiation: { mode } });
  const fetch = (url: string | URL, init?: RequestInit): Promise<Response> => app(new Request(url, init));
  await client.connect(new StreamableHTTPClientTransport(new URL("http://localhost/mcp"), { fetch }));
  closing.unshift(() => client.close());
  return async (name, args = {}) => {
    const { structuredContent } = await client.callTool({ name, arguments: { ...args } });
    return structuredContent as Answer;
  };
}

it("knows what is new, what has come up before, and what this talk is about", async () => {
  const talk = await connect("2025");
  expect(await talk("analyse", { text: "The garden needs roses" })).toMatchObject({
    position: 1,
    fresh: ["garden", "needs", "roses"],
    familiar: [],
    summary: "now about garden, needs, roses",
    previous: null,
  });
  expect(await talk("analyse", { text: "Which roses grow in shade?" })).toMatchObject({
    familiar: [{ word: "roses", times: 1, since: 1, last: 1 }],
    thread: ["roses"],
    summary: "still about roses",
    previous: "now about garden, needs, roses",
  });
  // Another talk, by a client without sessions: the memory is the same, the thread is not.
  const other = await connect("2026");
  const answer = await other("analyse", { text: "Roses again" });
  expect(answer).toMatchObject({ position: 3, familiar: [{ word: "roses", times: 2, since: 1, last: 2 }] });
  expect(answer).not.toHaveProperty("thread");
  expect(await other("analyse", { text: "constructor" })).toMatchObject({ fresh: ["constructor"], familiar: [] });
  expect(await other("recall", { word: "ROSES", limit: 2 })).toMatchObject({
    count: 3,
    remarks: [{ text: "Roses again" }, { text: "Which roses grow in shade?" }],
  });
});

it("judges each of fifty remarks at once by exactly those before it", async () => {
  const talk = await connect("2026");
  const { rejected, values } = await race(50, () => talk("analyse", { text: "storm" }));
  expect(rejected).toBe(0);
  for (const { position, familiar } of values as { position: number; familiar: { times: number }[] }[]) {
    expect(familiar[0]?.times ?? 0).toBe(position - 1);
  }
  expect(await talk("recall", { word: "storm", limit: 50 })).toMatchObject({ count: 50 });
});

it("keeps no long number, in no log, and forgets when it is told to", async () => {
  const talk = await connect("2025");
  await talk("analyse", { text: "My card is 4111 1111 1111 1111, keep it" });
  const [session] = (await hold.sessions(localUser).list()).records;
  const turns = await hold
    .sessions(localUser)
    .open(session?.id ?? "")
    .recentContext(10);
  const { events } = await hold.state(localUser).memory.history();
  expect(turns).toHaveLength(1);
  expect(JSON.stringify([turns, events])).not.toContain("4111");
  expect(await talk("forget")).toEqual({ forgotten: true });
  expect(await talk("recall", { word: "card" })).toMatchObject({ count: 0, remarks: [] });
});
