/**
 * Every way in, walked by a stranger with somebody's ids: tools, resources and endpoints, found by asking the server for
 * them, so that what is added is walked too. The answer to somebody's id has to be the answer to one that never was, headers
 * included, and nothing of the other's may have changed, not even when it was last touched.
 */
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type Arguments, textOf, valueOf } from "../clients/caller.ts";
import { removeFolder, runServer, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { type Connection, connect, openRawSession, post } from "./connect.ts";

const tokens = { "alice-0123456789abc": { subject: "alice" }, "bob-0123456789abcdef": { subject: "bob" } };
const [alice, bob] = Object.keys(tokens);
const meta = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "stranger", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
};

/** A value for each argument that any tool takes. One that is missing here fails the walk: add it. */
const samples: Arguments = {
  action: "a",
  agent_id: "agent",
  at_position: 1,
  after: 0,
  by: 1,
  channel: "c",
  details: {},
  expected_position: 1,
  idempotency_key: "stranger",
  key: "k",
  label: "l",
  limit: 5,
  max_turns: 5,
  message: "m",
  metadata: {},
  name: "n",
  next_phase: "p",
  phase: "p",
  step_id: "s",
  steps: ["s"],
  token: 1,
  ttl_ms: 1_000,
  type: "started",
  value: "v",
  wait_ms: 0,
};

let dir: string;
let server: ServerProcess;
let owner: Connection;
let ids: Record<"session_id" | "workflow_id", string>;
let wire: Readonly<Record<string, string>>;

beforeAll(async () => {
  dir = await temporaryFolder();
  const file = join(dir, "tokens.json");
  await writeFile(file, JSON.stringify(tokens), { mode: 0o600 });
  server = await startServer({ dir, args: ["--auth-tokens", file] });
  owner = await connect(server.url, "2026", alice);
  const session_id = textOf(await valueOf(owner.call("create_session", { label: "alice's" })), "session_id");
  const workflow_id = textOf(await valueOf(owner.call("start_workflow", { name: "n", steps: ["s"] })), "workflow_id");
  ids = { session_id, workflow_id };
  for (const tool of ["set_session_data", "set_preference", "store_sensitive_data"]) {
    await valueOf(owner.call(tool, { session_id, key: "k", value: "alices-marker" }));
  }
  await valueOf(owner.call("increment_counter", { session_id, name: "n", idempotency_key: "stranger" }));
  wire = await openRawSession(server.url, { authorization: `Bearer ${alice}` });
});
afterAll(async () => {
  await owner.client.close();
  await server.kill();
  await removeFolder(dir);
});

type Seen = { readonly status: number; readonly headers: readonly string[]; readonly text: string };

function seen(status: number, headers: Headers, text: string): Seen {
  return { status, headers: [...headers].filter(([name]) => name !== "date").map((pair) => pair.join(": ")), text };
}

/** What bob gets of a request of the 2026-07-28 era. */
async function ask(method: string, params: Readonly<Record<string, unknown>>): Promise<Seen> {
  const name = params["name"] ?? params["uri"];
  const answer = await post(
    server.url,
    { jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: meta } },
    {
      authorization: `Bearer ${bob}`,
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": method,
      ...(typeof name === "string" && { "mcp-name": name }),
    },
  );
  return seen(answer.status, answer.headers, answer.text);
}

/** An id of the same shape that never was. */
function never(id: string): string {
  return `${id.slice(0, id.indexOf("_") + 1)}${randomBytes(24)
    .toString("base64url")
    .slice(0, id.length - id.indexOf("_") - 1)}`;
}

/** Everything of alice as it is stored, the moment it was written out aside. */
async function everythingOfAlice(): Promise<string> {
  const args = ["export", "alice", "--issuer", "token", "--store", `sqlite:${join(dir, "state.db")}`];
  const { code, stdout } = await runServer({ args, cwd: dir });
  expect(code).toBe(0);
  return stdout.replace(/"exported_at":"[^"]*"/, "");
}

async function untouched(walk: () => Promise<void>): Promise<void> {
  const before = await everythingOfAlice();
  expect(before).toContain("alices-marker");
  await walk();
  expect(await everythingOfAlice()).toBe(before);
}

describe("a stranger with somebody's ids", () => {
  it("learns nothing from any tool, and changes nothing", async () => {
    await using stranger = await connect(server.url, "2026", bob);
    const { tools } = await stranger.client.listTools();
    let walked = 0;
    await untouched(async () => {
      for (const { name, inputSchema } of tools) {
        const properties = Object.keys(inputSchema.properties ?? {});
        const named = properties.filter((property) => property in ids) as (keyof typeof ids)[];
        const unknown = properties.filter((property) => !(property in ids) && !(property in samples));
        expect(unknown, `${name} takes what this walk has no sample of`).toEqual([]);
        const required = new Set(inputSchema.required ?? []);
        for (const all of [true, false]) {
          const others = properties.filter((property) => property in samples && (all || required.has(property)));
          const given = Object.fromEntries(others.map((property) => [property, samples[property]]));
          for (const id of named) {
            const call = (value: string): Promise<Seen> =>
              ask("tools/call", { name, arguments: { ...given, [id]: value } });
            const foreign = await call(ids[id]);
            expect(foreign.text, name).not.toContain("alice");
            // An id that is only noted down may be anything; what it says is then the caller's own.
            const unheard = await call(never(ids[id]));
            expect(comparable(foreign), `${name} ${id}`).toEqual(comparable(unheard));
            walked += 1;
          }
        }
      }
    });
    expect(walked).toBeGreaterThan(30);
  });

  it("learns nothing from resources, read or subscribed to", async () => {
    const mine = await openRawSession(server.url, { authorization: `Bearer ${bob}` });
    await untouched(async () => {
      for (const [scheme, id] of [
        ["session", ids.session_id],
        ["workflow", ids.workflow_id],
      ] as const) {
        const read = (value: string): Promise<Seen> => ask("resources/read", { uri: `${scheme}://${value}` });
        const [other, foreign, unheard] = [never(id), await read(id), never(id)];
        expect(comparable(foreign, id)).toEqual(comparable(await read(unheard), unheard));
        for (const method of ["resources/read", "resources/subscribe", "resources/unsubscribe"]) {
          const request = async (value: string): Promise<Seen> => {
            const params = { uri: `${scheme}://${value}` };
            const answer = await post(server.url, { jsonrpc: "2.0", id: 1, method, params }, mine);
            return seen(answer.status, answer.headers, answer.text);
          };
          expect(comparable(await request(id), id), method).toEqual(comparable(await request(other), other));
        }
      }
      const { text } = await ask("resources/list", {});
      expect(text).not.toContain(ids.session_id);
    });
  });

  it("cannot tell, use or end a connection's session, by any verb", async () => {
    await untouched(async () => {
      const theirs = wire["mcp-session-id"] ?? "";
      const [handle = "", secret = ""] = theirs.split(".");
      const forged = [
        theirs,
        `${handle}.${"B".repeat(secret.length)}`,
        `${never(handle)}.${secret}`,
        "no-id-at-all",
        handle,
      ];
      const answers: Seen[] = [];
      for (const [method, body, extra] of [
        ["POST", { jsonrpc: "2.0", id: 1, method: "ping" }, {}],
        ["POST", { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "end_session", arguments: {} } }, {}],
        ["POST", { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 1 } }, {}],
        ["GET", undefined, {}],
        ["GET", undefined, { "last-event-id": "s_1" }],
        ["DELETE", undefined, {}],
      ] as const) {
        for (const id of forged) {
          const answer = await fetch(server.url, {
            method,
            headers: {
              ...wire,
              ...extra,
              "content-type": "application/json",
              accept: "application/json, text/event-stream",
              authorization: `Bearer ${bob}`,
              "mcp-session-id": id,
            },
            ...(body !== undefined && { body: JSON.stringify(body) }),
          });
          answers.push(seen(answer.status, answer.headers, await answer.text()));
        }
      }
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
      expect(answers[0]?.status).toBe(404);
    });
    const alive = await post(server.url, { jsonrpc: "2.0", id: 1, method: "ping" }, wire);
    expect(alive.status).toBe(200);
  });
});

/** Ids and times of what the stranger has made itself are new each time; an id that was asked for is named back. */
function comparable({ status, headers, text }: Seen, asked?: string): Seen {
  const plain = (part: string): string =>
    (asked === undefined ? part : part.replaceAll(asked, "ASKED"))
      .replaceAll(/\b(ses|wf|wfl|workflow)_[A-Za-z0-9_-]{22,}/g, "$1_NEW")
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME");
  return { status, headers: headers.map(plain), text: plain(text) };
}
