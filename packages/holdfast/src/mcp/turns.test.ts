import { ProtocolError } from "@modelcontextprotocol/server";
import { afterEach, expect, it } from "vitest";
import * as z from "zod";
import { modernCall } from "../../../../test/lib/modern-call.ts";
import { holdfast } from "../hold.ts";
import { localUser, type Principal } from "../security/principal.ts";
import type { Turn } from "../state/types.ts";
import { ask, begin } from "./serve.test-kit.ts";
import { serve } from "./serve.ts";
import type { ServeOptions } from "./types.ts";

const open: AsyncDisposable[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

/** Calls tools in one 2025-era session and returns the turns that are kept of it, as a tool of the session sees them. */
async function turnsOf(options: ServeOptions, calls: readonly (readonly [string, object])[]): Promise<readonly Turn[]> {
  const hold = await holdfast({ store: "memory:" });
  const app = serve(
    hold,
    { name: "s", version: "1" },
    (server, { session }) => {
      for (const name of ["say", "login"]) {
        server.registerTool(name, { inputSchema: z.object({ text: z.string() }) }, async ({ text }) => {
          const known = (await session?.recentContext(10)) ?? [];
          await session?.summarize((before) => `${before ?? ""}${text};`);
          return { content: [{ type: "text", text: `${text} after ${known.length}` }] };
        });
      }
    },
    options,
  );
  open.push(hold, { [Symbol.asyncDispose]: () => app.close() });
  const session = await begin(app);
  for (const [name, given] of calls) {
    await (await ask(app, "tools/call", { name, arguments: given }, session)).text();
  }
  const [listed] = (await hold.sessions(localUser).list()).records;
  const kept = hold.sessions(localUser).open(listed?.id ?? "");
  expect(await kept.summary()).toBe(
    calls.map(([, { text }]: readonly [string, { text?: string }]) => `${text};`).join(""),
  );
  return await kept.recentContext(10);
}

it("keeps name, input, preview, duration, outcome and node of each call, for tools that want to know", async () => {
  const turns = await turnsOf({ node: "n1" }, [
    ["say", { text: "hello" }],
    ["say", { text: "again" }],
  ]);
  expect(turns).toEqual(
    ["hello after 0", "again after 1"].map((outputPreview) => ({
      tool: "say",
      input: { text: outputPreview.split(" ")[0] },
      outputPreview,
      at: expect.any(Date) as Date,
      durationMs: expect.any(Number) as number,
      ok: true,
      node: "n1",
      call: expect.any(String) as string,
    })),
  );
});

it("keeps nothing of secrets: neither of tools left out nor of what is redacted", async () => {
  const errors: unknown[] = [];
  const options: ServeOptions = {
    onError: (error) => errors.push(error),
    recordTurns: {
      except: ["login"],
      redact: (turn) => {
        const { text } = turn.input as { text: string };
        if (text === "broken") throw new Error("of the author");
        return text.startsWith("pin") ? { ...turn, input: { text: "***" }, outputPreview: "***" } : turn;
      },
    },
  };
  const turns = await turnsOf(options, [
    ["login", { text: "pass word" }],
    ["say", { text: "pin 1234" }],
    ["say", { text: "broken" }],
    ["say", { text: "hello" }],
  ]);
  expect(turns).toMatchObject([{ input: { text: "***" }, outputPreview: "***" }, { outputPreview: "hello after 1" }]);
  expect(turns).toHaveLength(2);
  expect(errors).toMatchObject([{ message: "of the author" }]);
});

it("keeps none at all where it is told so", async () => {
  expect(await turnsOf({ recordTurns: false }, [["say", { text: "hello" }]])).toEqual([]);
});

it("keeps what failed as well, with what redaction leaves of its message: errors of the protocol, and results that are none", async () => {
  const hold = await holdfast({ store: "memory:" });
  const errors: unknown[] = [];
  const app = serve(
    hold,
    { name: "s", version: "1" },
    (server) => {
      const inputSchema = z.object({ text: z.string() });
      server.registerTool("refuse", { inputSchema }, ({ text }) => {
        throw new ProtocolError(-32602, `no ${text}`);
      });
      server.registerTool("break", { inputSchema }, ({ text }) => {
        throw new Error(`broken by ${text}`);
      });
      // What an author returns may be anything, whatever the types promise.
      const odd = { content: [null, { type: "text", text: "odd" }] } as unknown as { content: [] };
      server.registerTool("odd", { inputSchema }, () => odd);
    },
    {
      onError: (error) => errors.push(error),
      recordTurns: {
        redact: (turn) => ({ ...turn, outputPreview: turn.outputPreview.replace("hunter2", "***") }),
      },
    },
  );
  open.push(hold, { [Symbol.asyncDispose]: () => app.close() });
  const session = await begin(app);
  for (const name of ["refuse", "break", "odd"]) {
    await (await ask(app, "tools/call", { name, arguments: { text: "hunter2" } }, session)).text();
  }
  await (await ask(app, "tools/call", { name: "refuse", arguments: { text: 1 } }, session)).text();
  const [listed] = (await hold.sessions(localUser).list()).records;
  const turns = await hold
    .sessions(localUser)
    .open(listed?.id ?? "")
    .recentContext(10);
  const failed = turns.map(({ tool, ok, outputPreview }) => [tool, ok, outputPreview]);
  expect(failed).toEqual([
    ["refuse", false, expect.stringContaining("no ***")],
    ["break", false, expect.stringContaining("failed unexpectedly")],
    ["odd", true, "odd"],
    ["refuse", false, expect.stringContaining("text")],
  ]);
});

it("keeps calls of 2026-07-28 as turns of the session whose handle they were given, if it is the caller's", async () => {
  const hold = await holdfast({ store: "memory:" });
  const errors: unknown[] = [];
  const mallory: Principal = { issuer: "test", subject: "mallory", scopes: [] };
  const app = serve(
    hold,
    { name: "s", version: "1" },
    (server, { sessions }) => {
      const inputSchema = z.object({ talk: z.string().optional(), text: z.string() });
      server.registerTool("say", { inputSchema }, async ({ talk, text }) => {
        const known = talk === undefined ? [] : await sessions.open(talk).recentContext(10);
        return { content: [{ type: "text", text: `${text} after ${known.length}` }] };
      });
    },
    { onError: (error) => errors.push(error), recordTurns: { session: "talk", except: [] } },
  );
  open.push(hold, { [Symbol.asyncDispose]: () => app.close() });
  const { id: talk } = await hold.sessions(localUser).create();
  const { id: ended } = await hold.sessions(localUser).create();
  await hold.sessions(localUser).open(ended).end();
  const say = async (given: object, principal: Principal = localUser): Promise<string> => {
    const request = new Request("http://localhost/mcp", modernCall("say", { arguments: given }));
    return await (await app(request, { principal })).text();
  };
  expect(await say({ talk, text: "one" })).toContain("one after 0");
  expect(await say({ talk, text: "two" })).toContain("two after 1");
  await say({ text: "of no session" });
  await say({ talk: ended, text: "too late" });
  await say({ talk: "not/an id", text: "malformed" });
  await say({ talk: 7, text: "no text" });
  await say({ talk, text: "a stranger's" }, mallory);
  const kept = await hold.sessions(localUser).open(talk).recentContext(10);
  expect(kept.map(({ outputPreview }) => outputPreview)).toEqual(["one after 0", "two after 1"]);
  expect(errors).toEqual([]);
});
