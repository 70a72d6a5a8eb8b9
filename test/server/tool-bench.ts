/** What the tests of tools share: one server per file, one client, fresh sessions, and awkward values. */
import { afterAll, beforeAll, expect } from "vitest";

import { type Answer, type Arguments, textOf, valueOf } from "../clients/caller.ts";
import { removeFolder, type ServerProcess, startServer } from "../lib/server-process.ts";
import { type Connection, connect } from "./connect.ts";

export interface ToolBench {
  readonly server: ServerProcess;
  /** A 2026-07-28 client, which has no session of its own. */
  readonly client: Connection;
  call(tool: string, args?: Arguments): Promise<Answer>;
  newSession(args?: Arguments): Promise<string>;
}

/** Starts a server and a client before the tests of a file, and ends both after them. */
export function toolBench(): ToolBench {
  let server: ServerProcess | undefined;
  let client: Connection | undefined;
  beforeAll(async () => {
    server = await startServer();
    client = await connect(server.url, "2026");
  });
  afterAll(async () => {
    await client?.[Symbol.asyncDispose]();
    await server?.kill();
    if (server !== undefined) await removeFolder(server.dir);
  });
  const bench: ToolBench = {
    get server() {
      return started(server);
    },
    get client() {
      return started(client);
    },
    call: (tool, args) => bench.client.call(tool, args),
    newSession: async (args) => textOf(await valueOf(bench.call("create_session", args)), "session_id"),
  };
  return bench;
}

function started<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the server has not been started");
  return value;
}

/** A point in time as tools write it. */
export const iso: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

/** Values that break what was not written with care. */
export const oddValues: readonly (readonly [name: string, value: unknown])[] = [
  ["null", null],
  ["false", false],
  ["zero", 0],
  ["minus zero's neighbour", -1.5e-300],
  ["an empty text", ""],
  ["an empty list", []],
  ["an empty object", {}],
  ["nested empties", { a: [], b: {}, c: [[], {}] }],
  ["control characters", "a\u0000b\u001f\u2028\r\n"],
  ["emoji and combining marks", "👩‍👩‍👧‍👦 é e\u0301"],
  ["a lone surrogate", "\ud800"],
  ["a large text", "x".repeat(200_000)],
  ["a prototype's names", JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"toString":null}')],
  ["a big number", 2 ** 53 + 2],
  ["deep nesting", nested(40)],
];

function nested(depth: number): unknown {
  return depth === 0 ? "deep" : { d: nested(depth - 1) };
}
