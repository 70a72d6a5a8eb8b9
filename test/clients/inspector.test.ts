import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import {
  removeFolder,
  type ServerProcess,
  serverCommand,
  startServer,
  temporaryFolder,
} from "../lib/server-process.ts";
import { type Caller, faultOf, valueOf } from "./caller.ts";
import type { Command } from "./connect.ts";
import { toolNames } from "./flows.ts";
import { type Inspector, inspector } from "./inspector.ts";
import type { Era } from "./v2.ts";

let server: ServerProcess;
let home: string;
let cli: Inspector;

beforeAll(async () => {
  home = await temporaryFolder();
  cli = await inspector(home);
  server = await startServer();
});

afterAll(async () => {
  await server.stop();
  await removeFolder(server.dir);
  await removeFolder(home);
});

/** Every call is a process and a connection of its own, so only handles lead from one to the next. */
function asCaller(target: () => string | Command, era: Era): Caller {
  return {
    name: `Inspector, ${era}`,
    wireSession: undefined,
    revision: undefined,
    tools: () => cli.tools(target(), era),
    call: (tool, args) => cli.call(target(), era, tool, args),
    end: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

/** Each test starts several processes one after the other. */
describe.each(["2025", "2026"] as const)("the Inspector's command line, %s", { timeout: 300_000 }, (era) => {
  test("over HTTP finds the tools, and finds a session again after a restart", async () => {
    const caller = asCaller(() => server.url, era);
    expect(await caller.tools()).toEqual(expect.arrayContaining([...toolNames]));
    const made = await valueOf(caller.call("create_session", { label: "by the Inspector" }));
    const session = { session_id: made["session_id"] };
    await valueOf(caller.call("increment_counter", { ...session, name: "seen", by: 42 }));
    await valueOf(caller.call("record_action", { ...session, action: "opened", details: { file: "ünï.txt" } }));

    const { dir, port } = server;
    await server.kill();
    server = await startServer({ dir, port });

    expect(await valueOf(caller.call("get_context", session))).toMatchObject({
      ...session,
      label: "by the Inspector",
      total_events: 1,
      counters: { seen: 42 },
      recent_events: [{ position: 1, type: "opened", payload: { file: "ünï.txt" } }],
    });
    expect(await valueOf(caller.call("end_session", session))).toEqual({ ...session, ended: true });
    expect(await faultOf(caller.call("get_context", session))).toMatchObject({ code: "not_found" });
  });

  test("over stdio finds the tools and a session made by another process", async () => {
    const dir = await temporaryFolder();
    const command = serverCommand(["serve", "--stdio", "--store", `sqlite:${join(dir, "state.db")}`]);
    const caller = asCaller(() => command, era);
    expect(await caller.tools()).toEqual(expect.arrayContaining([...toolNames]));
    const made = await valueOf(caller.call("create_session", { label: "by the Inspector" }));
    const context = await valueOf(caller.call("get_context", { session_id: made["session_id"] }));
    expect(context["label"]).toBe("by the Inspector");
    await removeFolder(dir);
  });

  test("shows a tool's error as the server gave it", async () => {
    const caller = asCaller(() => server.url, era);
    const fault = await faultOf(caller.call("get_context", { session_id: "ses_doesNotExistDoesNotExist" }));
    expect(fault).toMatchObject({ code: "not_found", retryable: false });
  });
});
