import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { removeFolder, serverCommand, startServer, temporaryFolder } from "../lib/server-process.ts";
import { type Caller, faultOf, textOf, valueOf } from "./caller.ts";
import type { Command } from "./connect.ts";
import {
  expectEndOf,
  expectFilled,
  expectMistakesAnswered,
  expectRepeatsToCountOnce,
  fillSession,
  listedSessions,
  toolNames,
} from "./flows.ts";
import { v1Stdio } from "./v1.ts";
import { v2Http, v2Stdio } from "./v2.ts";

let dir: string;
let store: string;
let command: Command;

beforeEach(async () => {
  dir = await temporaryFolder();
  store = `sqlite:${join(dir, "state.db")}`;
  command = serverCommand(["serve", "--stdio", "--store", store], { XDG_DATA_HOME: dir });
});

afterEach(() => removeFolder(dir));

type Kind = { readonly name: string; readonly era: "2025" | "2026"; readonly connect: () => Promise<Caller> };

const kinds: readonly Kind[] = [
  { name: "v1 client", era: "2025", connect: () => v1Stdio(command) },
  { name: "v2 client, 2025-11-25", era: "2025", connect: () => v2Stdio(command, "2025") },
  { name: "v2 client, 2026-07-28", era: "2026", connect: () => v2Stdio(command, "2026") },
];

describe.each(kinds)("$name over stdio", ({ connect }) => {
  test("does over stdio what it does over HTTP", async () => {
    await using caller = await connect();
    expect(await caller.tools()).toEqual(expect.arrayContaining([...toolNames]));
    const id = await fillSession(caller);
    await expectFilled(caller, id);
    await expectRepeatsToCountOnce(caller, id);
    await expectMistakesAnswered(caller, id);
    await expectEndOf(caller, id);
  });

  test("finds its state again in a new process", async () => {
    const first = await connect();
    const id = await fillSession(first);
    await first.end();
    await using second = await connect();
    await expectFilled(second, id);
  });

  test("two processes on one file see the same state", async () => {
    await using one = await connect();
    await using other = await connect();
    const id = await fillSession(one);
    await expectFilled(other, id);
    await Promise.all(
      [one, other, one, other].map((caller) =>
        valueOf(caller.call("increment_counter", { session_id: id, name: "both" })),
      ),
    );
    const context = await valueOf(one.call("get_context", { session_id: id }));
    expect(context["counters"]).toMatchObject({ both: 4 });
  });

  test("shares its sessions with a server over HTTP on the same file", async () => {
    await using server = await startServer({ dir, store });
    await using caller = await connect();
    await using overHttp = await v2Http(server.url, "2026");
    const id = await fillSession(caller);
    await expectFilled(overHttp, id);
    await server.stop();
  });
});

test.each(kinds.filter(({ era }) => era === "2025"))(
  "the own session of a connection outlives its process: $name",
  async ({ connect }) => {
    const first = await connect();
    const id = textOf(await valueOf(first.call("increment_counter", { name: "own", by: 7 })), "session_id");
    await first.end();
    await using second = await connect();
    expect(await listedSessions(second)).toContain(id);
    const again = second.call("increment_counter", { session_id: id, name: "own" });
    expect(await valueOf(again)).toMatchObject({ value: 8 });
  },
);

test("a 2026-07-28 connection over stdio has no session of its own", async () => {
  await using caller = await v2Stdio(command, "2026");
  const fault = await faultOf(caller.call("increment_counter", { name: "own" }));
  expect(fault).toMatchObject({ code: "invalid_argument" });
});

test("an open subscription does not keep the process from ending with its input", async () => {
  const child = spawn(command.command, command.args, { env: { ...command.env }, stdio: ["pipe", "pipe", "ignore"] });
  const closed = once(child, "close");
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const params = { _meta, notifications: { toolsListChanged: true } };
  child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "subscriptions/listen", params })}\n`);
  const [acknowledgement] = await once(child.stdout.setEncoding("utf8"), "data");
  expect(acknowledgement).toContain("notifications/subscriptions/acknowledged");

  const endedAt = Date.now();
  child.stdin.end();
  expect(await closed).toEqual([0, null]);
  expect(Date.now() - endedAt).toBeLessThan(5_000);
});
