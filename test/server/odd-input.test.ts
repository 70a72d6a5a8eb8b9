/** JSON that is odd and allowed: kept as JavaScript reads it, the same by every store, or refused in words. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { durableStores, openDurable } from "../lib/durable-stores.ts";
import { openRawSession } from "../lib/raw-session.ts";
import { removeFolder, type ServerProcess, startServer } from "../lib/server-process.ts";

/** As it is written in the request, and as it comes back. */
const kept = [
  ["a number below zero's neighbours", "-0", "0"],
  ["a number that no double holds", "9007199254740993", "9007199254740992"],
  ["a number too small", "1e-400", "0"],
  ["half a pair of surrogates", String.raw`"\ud800"`, String.raw`"\ud800"`],
  ["a NUL", String.raw`"a\u0000b"`, String.raw`"a\u0000b"`],
  ["line breaks of every kind", String.raw`"a\r\n\u2028\u2029\u0085b"`, '"a\\r\\n\u2028\u2029\u0085b"'],
  [
    "names that objects are born with",
    '{"__proto__":{"a":1},"constructor":1}',
    '{"__proto__":{"a":1},"constructor":1}',
  ],
  ["a name given twice: the last counts", '{"a":1,"a":2}', '{"a":2}'],
  ["an empty name", '{"":{"":[]}}', '{"":{"":[]}}'],
  ["an empty list", "[]", "[]"],
  ["an empty object", "{}", "{}"],
  ["nothing", "null", "null"],
] as const;

describe.each(["memory", ...durableStores])("the server on %s", (name) => {
  let server: ServerProcess;
  let call: (
    args: string,
  ) => Promise<{ readonly isError?: boolean; readonly structuredContent: Record<string, unknown> }>;
  const closing: AsyncDisposable[] = [];

  beforeAll(async () => {
    let store = "memory:";
    if (name !== "memory") {
      const durable = await openDurable(name);
      closing.unshift(durable);
      store = durable.url;
    }
    server = await startServer({ store });
    const { headers } = await openRawSession(server.url);
    call = async (args) => {
      const answer = await fetch(server.url, {
        method: "POST",
        headers: { ...headers, accept: "application/json, text/event-stream", "content-type": "application/json" },
        body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"set_preference","arguments":${args}}}`,
      });
      // An answer is JSON, or a stream whose last message it is.
      const text = await answer.text();
      const data = text.startsWith("{") ? text : (text.split("\n").findLast((line) => /^data: ?\{/.test(line)) ?? "");
      return (JSON.parse(data.replace(/^data: ?/, "")) as { result: Awaited<ReturnType<typeof call>> }).result;
    };
  });

  afterAll(async () => {
    await server.stop();
    await removeFolder(server.dir);
    for (const each of closing) await each[Symbol.asyncDispose]();
  });

  it.each(kept)("keeps %s", async (_, sent, back) => {
    const { structuredContent } = await call(`{"key":"k","value":${sent}}`);
    expect(JSON.stringify(structuredContent["preferences"])).toBe(`{"k":${back}}`);
  });

  it("refuses a number that is none, and keeps what was there", async () => {
    await call('{"key":"k","value":1}');
    const { isError, structuredContent } = await call('{"key":"k","value":[1e400]}');
    expect(isError).toBe(true);
    const error = { code: "invalid_argument", message: expect.stringContaining("Infinity") };
    expect(structuredContent).toMatchObject({ error });
    const { structuredContent: now } = await call('{"key":"other","value":2}');
    expect(now["preferences"]).toEqual({ k: 1, other: 2 });
  });
});
