/** Changes that a server announces reach whoever listens, before and after the server was killed. */
import { Client as V2Client, StreamableHTTPClientTransport as V2Http } from "@modelcontextprotocol/client";
import { Client as V1Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as V1Http } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import type { NodeProcess } from "../lib/node-process.ts";
import { poll, removeFolder, temporaryFolder } from "../lib/server-process.ts";
import { startFixtureProcess } from "../official/fixture-process.ts";

interface Listener extends AsyncDisposable {
  /** How often it heard that the list of tools had changed. */
  readonly heard: number;
  /** Has the server announce a change. */
  trigger(): Promise<unknown>;
}

const reconnection = {
  initialReconnectionDelay: 100,
  maxReconnectionDelay: 200,
  reconnectionDelayGrowFactor: 1,
  maxRetries: 100,
};

let dir: string;
let store: string;
let fixture: NodeProcess;

beforeEach(async () => {
  dir = await temporaryFolder();
  store = `sqlite:${dir}/state.db`;
  fixture = await startFixtureProcess({ store });
});

afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
  await removeFolder(dir);
});

async function v2(era: "2025" | "2026"): Promise<Listener> {
  const mode = era === "2025" ? "legacy" : ({ pin: "2026-07-28" } as const);
  const client = new V2Client({ name: "listener", version: "1.0.0" }, { versionNegotiation: { mode } });
  let heard = 0;
  client.setNotificationHandler("notifications/tools/list_changed", () => void heard++);
  await client.connect(new V2Http(new URL(fixture.url), { reconnectionOptions: reconnection }));
  if (era === "2026") await client.listen({ toolsListChanged: true });
  return {
    get heard() {
      return heard;
    },
    trigger: () => client.callTool({ name: "test_trigger_tool_change", arguments: {} }),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

async function v1(): Promise<Listener> {
  const client = new V1Client({ name: "listener", version: "1.0.0" });
  let heard = 0;
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard++);
  const patience = { ...reconnection };
  const transport = new V1Http(new URL(fixture.url), { reconnectionOptions: patience });
  await client.connect(transport);
  return {
    get heard() {
      return heard;
    },
    trigger: () => client.callTool({ name: "test_trigger_tool_change", arguments: {} }),
    [Symbol.asyncDispose]: async () => {
      // Of several streams it stops trying to resume one only; the others try on after the close.
      patience.maxRetries = 0;
      await client.close();
    },
  };
}

/** Announces again and again until the client has heard more than before: its stream may still be on its way. */
async function untilHeard(listener: Listener, trigger = listener): Promise<void> {
  const before = listener.heard;
  await poll(
    async () => {
      await trigger.trigger();
      return listener.heard > before ? true : undefined;
    },
    "the announcement",
    15_000,
  );
}

const everybody = [
  { name: "v1 client", connect: v1 },
  { name: "v2 client, 2025-11-25", connect: () => v2("2025") },
  { name: "v2 client, 2026-07-28", connect: () => v2("2026") },
];

describe.each(everybody)("$name", ({ connect }) => {
  test("hears of a change, whoever caused it", async () => {
    await using listener = await connect();
    await untilHeard(listener);
    for (const other of everybody) {
      await using cause = await other.connect();
      await untilHeard(listener, cause);
    }
    expect(listener.heard).toBeGreaterThanOrEqual(4);
  });
});

test.each(everybody.slice(0, 2))("$name hears of changes again after the server was killed", async ({ connect }) => {
  await using listener = await connect();
  await untilHeard(listener);
  await fixture.kill();
  fixture = await startFixtureProcess({ store, port: fixture.port });
  await untilHeard(listener);
  expect(listener.heard).toBeGreaterThanOrEqual(2);
});
