/** A tool that asks the user: every client is asked in its own way, and its answer reaches the tool. */
import { join } from "node:path";

import { Client as V2Client, StreamableHTTPClientTransport as V2Http } from "@modelcontextprotocol/client";
import { Client as V1Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as V1Http } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { NodeProcess } from "../lib/node-process.ts";
import { removeFolder, temporaryFolder } from "../lib/server-process.ts";
import { startFixtureProcess } from "../official/fixture-process.ts";

type Asked = { readonly message: string };
type Reply = { readonly action: "accept" | "decline"; readonly content?: Record<string, string> };
type Ask = (question: Asked) => Reply | Promise<Reply>;

/** A connected client that answers questions with `ask`. */
interface Answering extends AsyncDisposable {
  call(tool: string, args?: Readonly<Record<string, unknown>>): Promise<unknown>;
}

let dir: string;
let store: string;
let fixture: NodeProcess;

beforeAll(async () => {
  dir = await temporaryFolder();
  store = `sqlite:${join(dir, "state.db")}`;
  fixture = await startFixtureProcess({ store });
});

afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
  await removeFolder(dir);
});

/** A machine that is busy takes its time to start a server again. */
const reconnectionOptions = {
  initialReconnectionDelay: 200,
  maxReconnectionDelay: 1_000,
  reconnectionDelayGrowFactor: 1.5,
  maxRetries: 40,
};

async function killAndRestart(): Promise<void> {
  await fixture.kill();
  fixture = await startFixtureProcess({ store, port: fixture.port });
}

async function v2(era: "2025" | "2026", ask: Ask): Promise<Answering> {
  const mode = era === "2025" ? "legacy" : ({ pin: "2026-07-28" } as const);
  const client = new V2Client(
    { name: "asked", version: "1.0.0" },
    { versionNegotiation: { mode }, capabilities: { elicitation: {} } },
  );
  client.setRequestHandler("elicitation/create", async ({ params }) => ({
    ...(await ask({ message: params.message })),
  }));
  await client.connect(new V2Http(new URL(fixture.url), { reconnectionOptions }));
  return {
    call: (name, args = {}) => client.callTool({ name, arguments: { ...args } }),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

async function v1(ask: Ask): Promise<Answering> {
  const client = new V1Client({ name: "asked", version: "1.0.0" }, { capabilities: { elicitation: {} } });
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({
    ...(await ask({ message: params.message })),
  }));
  const patience = { ...reconnectionOptions };
  await client.connect(new V1Http(new URL(fixture.url), { reconnectionOptions: patience }));
  return {
    call: (name, args = {}) => client.callTool({ name, arguments: { ...args } }),
    [Symbol.asyncDispose]: async () => {
      // Of several streams it stops trying to resume one only; the others try on after the close.
      patience.maxRetries = 0;
      await client.close();
    },
  };
}

const legacy = [
  { name: "v1 client", connect: v1 },
  { name: "v2 client, 2025-11-25", connect: (ask: Ask) => v2("2025", ask) },
];
const everybody = [...legacy, { name: "v2 client, 2026-07-28", connect: (ask: Ask) => v2("2026", ask) }];

function text(line: string): unknown {
  return expect.objectContaining({ content: [{ type: "text", text: line }] });
}

describe.each(legacy)("a tool that asks while it runs: $name", ({ connect }) => {
  test("gets the answer", async () => {
    await using client = await connect(({ message }) => ({
      action: "accept",
      content: { username: message, email: "a@example.org" },
    }));
    const result = await client.call("test_elicitation", { message: "Who?" });
    const answer = JSON.stringify({ username: "Who?", email: "a@example.org" });
    expect(result).toEqual(text(`User response: action=accept, content=${answer}`));
  });

  test("gets a refusal", async () => {
    await using client = await connect(() => ({ action: "decline" }));
    const result = await client.call("test_elicitation", { message: "Who?" });
    expect(result).toEqual(text("User response: action=decline, content={}"));
  });

  test("gets the answer to its own question when many ask at once", async () => {
    await using client = await connect(({ message }) => ({
      action: "accept",
      content: { username: message, email: `${message}@example.org` },
    }));
    const names = Array.from({ length: 12 }, (_, index) => `user-${index}`);
    const results = await Promise.all(names.map((message) => client.call("test_elicitation", { message })));
    expect(results).toEqual(
      names.map((username) => {
        const answer = JSON.stringify({ username, email: `${username}@example.org` });
        return text(`User response: action=accept, content=${answer}`);
      }),
    );
  });
});

test.each(legacy)("a call whose server died while it asked ends with an error: $name", async ({ connect }) => {
  await using client = await connect(async () => {
    await killAndRestart();
    return { action: "accept", content: { username: "late", email: "late@example.org" } };
  });
  const startedAt = Date.now();
  await expect(client.call("test_elicitation", { message: "Who?" })).rejects.toThrow(/repeat|again|interrupt|lost/i);
  expect(Date.now() - startedAt).toBeLessThan(20_000);
  // The same connection, and so the same session, goes on.
  expect(await client.call("test_simple_text")).toEqual(text("This is a simple text response for testing."));
});

test.each(legacy)(
  "a tool whose result asks for more outlives its server, killed while it asked: $name",
  async ({ connect }) => {
    let asked = 0;
    await using client = await connect(async () => {
      asked += 1;
      await killAndRestart();
      return { action: "accept", content: { name: "Grace" } };
    });
    expect(await client.call("test_input_required_result_elicitation")).toEqual(text("Hello, Grace!"));
    expect(asked).toBe(1);
    expect(await client.call("test_simple_text")).toEqual(text("This is a simple text response for testing."));
  },
);

describe.each(everybody)("a tool whose result asks for more: $name", ({ connect }) => {
  test("is called again with the answer", async () => {
    await using client = await connect(({ message }) => {
      expect(message).toBe("What is your name?");
      return { action: "accept", content: { name: "Ada" } };
    });
    expect(await client.call("test_input_required_result_elicitation")).toEqual(text("Hello, Ada!"));
  });

  test("carries its state through several rounds", async () => {
    await using client = await connect(({ message }) => {
      const content: Record<string, string> = message.startsWith("Step 1") ? { name: "Ada" } : { color: "green" };
      return { action: "accept", content };
    });
    expect(await client.call("test_input_required_result_multi_round")).toEqual(text("Ada likes green"));
  });
});
