/** Of which connection a request counts: an id that nobody looks for must not make it another one each time. */
import { expect, it } from "vitest";

import type { Principal } from "../../security/principal.ts";
import { ConnectionRegistry } from "../connections.ts";
import type { Reply } from "../exchange.ts";
import { resolveServeOptions } from "../options.ts";
import { type Arrival, Gate } from "./gate.ts";

const alice: Principal = { issuer: "token", subject: "alice", scopes: [] };
const served: Reply = { status: 200, headers: {} };

async function counted(headers: Readonly<Record<string, string>>, byHeader?: boolean): Promise<readonly string[]> {
  const names: string[] = [];
  const rates = {
    refuse: async (_owner: unknown, connection: string) => void names.push(connection),
    close: async () => undefined,
  };
  const servers = {
    sessions: { handle: async () => served },
    stateless: { handle: async () => served },
    ...(byHeader !== undefined && { byHeader }),
  };
  const gate = new Gate(resolveServeOptions({}), servers, new ConnectionRegistry(10), { rates });
  const all: Readonly<Record<string, string>> = {
    host: "localhost",
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    ...headers,
  };
  const arrival: Arrival = {
    method: "POST",
    url: "/mcp",
    header: (name) => all[name],
    signal: new AbortController().signal,
    fromThisMachine: true,
    principal: alice,
    connection: "192.0.2.1:4000",
    readBody: async () => ({ text: '{"jsonrpc":"2.0","id":1,"method":"ping"}' }),
    request: () => new Request("http://localhost/mcp"),
  };
  await gate.handle(arrival);
  return names;
}

const id = { "mcp-session-id": "ses_invented.secret" };

it("is what a session's id names", async () => {
  expect(await counted(id)).toEqual(["ses_invented.secret"]);
  expect(await counted({ ...id, "mcp-protocol-version": "2025-11-25" })).toEqual(["ses_invented.secret"]);
});

it("is the client's link to this process without one, in the era without sessions, and where no header names them", async () => {
  const link = ["192.0.2.1:4000"];
  expect(await counted({})).toEqual(link);
  expect(await counted({ ...id, "mcp-protocol-version": "2026-07-28" })).toEqual(link);
  expect(await counted(id, false)).toEqual(link);
});
