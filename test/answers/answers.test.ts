/**
 * Every row of "Exact answers" in docs/guarantees.md, asked of the built server on every store.
 *
 * What cannot be asked of the ready server, or not on a store, is asked elsewhere: its tools give no requestState along and
 * need no capability that they do not ask for themselves (`mcp/request-state`, `mcp/serve.test.ts`); tokens that expire
 * while streams are open need an issuer (test/server/oauth.test.ts); disks are filled in test/disk-full. It serves no tasks.
 */
import { afterAll, beforeAll, expect, it } from "vitest";

import { openAlone } from "../lib/durable-stores.ts";
import { describeStoresAtOnce } from "../lib/each-store.ts";
import { poll } from "../lib/waiting.ts";
import { ask, type Headers, header, json, open, type Seen, usual } from "./ask.ts";
import { rows } from "./rows.ts";
import { faultIn, initialize, limits, openWorld, stores, type World } from "./world.ts";

const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
const error = (code: number, message: string): unknown => ({ jsonrpc: "2.0", error: { code, message }, id: null });
const notFound = error(-32001, "Session not found");
const unavailable = error(-32603, "Service unavailable");

function call(name: string, args: Readonly<Record<string, unknown>> = {}): unknown {
  return { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args } };
}

/** A call of the 2026-07-28 revision by a client whose user can be asked. */
function modern(name: string, args: object, more: object = {}): { readonly body: unknown; readonly headers: Headers } {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
  };
  return {
    body: { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args, ...more, _meta } },
    headers: { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": name },
  };
}

describeStoresAtOnce(stores, "on %s", {}, (store) => {
  let world: World;

  beforeAll(async () => {
    world = await openWorld(store);
  }, 120_000);
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  /** Two processes see the same: where the store is memory, each has its own. */
  const isMemory = store === "memory";
  const isHere = isMemory || store === "sqlite";

  it.each(rows)(
    "$situation: $status $code",
    async ({ ask: asking, status, code, message, id = null, headers = {} }) => {
      const seen = await asking(world);
      const said = typeof message === "string" ? message : expect.stringMatching(message);
      const { error: told, ...rest } = json(seen) as { readonly error: object };
      expect([seen.status, rest]).toEqual([status, { jsonrpc: "2.0", id }]);
      expect(told).toMatchObject({ code, message: said });
      expect(header(seen, "content-type")).toBe("application/json");
      expect(header(seen, "mcp-session-id")).toBeUndefined();
      for (const [name, value] of Object.entries(headers)) expect(header(seen, name)).toMatch(value);
    },
  );

  it("an id of no session of the caller: one 404, whatever it is, on each verb", async () => {
    const [own, theirs] = [await world.session("alice"), await world.session("bob")];
    const over = await world.session("carol");
    await ask(world.main, { method: "DELETE", headers: { ...usual, ...over } });
    const id = own["mcp-session-id"] ?? "";
    const named: readonly Headers[] = [
      { ...own, "mcp-session-id": `ses_${"A".repeat(22)}.${"B".repeat(43)}` },
      { ...own, "mcp-session-id": "nonsense" },
      { ...own, "mcp-session-id": `${id.slice(0, -1)}${id.endsWith("A") ? "B" : "A"}` },
      { ...theirs, "mcp-session-id": id },
      { ...own, ...world.as("phone") },
      over,
    ];
    const seen: Seen[] = [];
    for (const headers of named) {
      seen.push(await world.post(ping, headers));
      seen.push(await ask(world.main, { method: "GET", headers: { ...usual, ...headers } }));
      seen.push(await ask(world.main, { method: "DELETE", headers: { ...usual, ...headers } }));
    }
    expect(seen.map((each) => [each.status, json(each)])).toEqual(seen.map(() => [404, notFound]));
    expect(new Set(seen.map(({ headers }) => JSON.stringify(headers))).size).toBe(1);
    expect((await world.post(ping, own)).status).toBe(200);
  });

  it.skipIf(isMemory)("the same at another node, and once its time is over", async () => {
    const own = await world.session("eve", world.other);
    const known = { ...own, ...world.as("bob") };
    expect(await world.post(ping, known).then((seen) => [seen.status, json(seen)])).toEqual([404, notFound]);
    await poll(
      async () => {
        const { body, headers } = modern("list_sessions", {});
        const { result } = json(await world.post(body, { ...world.as("eve"), ...headers })) as {
          readonly result: { readonly structuredContent: { readonly sessions: readonly unknown[] } };
        };
        return result.structuredContent.sessions.length === 0 ? true : undefined;
      },
      "the session's expiry",
      30_000,
    );
    for (const at of [world.main, world.other]) {
      expect(await world.post(ping, own, { at }).then((seen) => [seen.status, json(seen)])).toEqual([404, notFound]);
    }
  });

  it("a second stream of one session takes over, and the first one ends", async () => {
    const own = await world.session("alice");
    await using first = await open(world.main, own);
    await using second = await open(world.main, own);
    expect([first.status, second.status]).toEqual([200, 200]);
    await first.ended;
    await ask(world.main, { method: "DELETE", headers: { ...usual, ...own } });
    await second.ended;
  });

  it("a Last-Event-ID that is unknown, forged, or of another session: one 400", async () => {
    const own = await world.session("alice");
    const theirs = await world.session("bob");
    const idOf = async (session: Headers): Promise<string> => {
      await using stream = await open(world.main, session);
      return await poll(() => /^id: ?(\S+)$/m.exec(stream.text())?.[1], "an event id", 20_000);
    };
    const [mine, foreign] = [await idOf(own), await idOf(theirs)];
    const tried = ["nonsense", "x_1", foreign, `A${mine.slice(1)}`, mine.replace(/\d+$/, "999999")];
    for (const id of tried) {
      const seen = await ask(world.main, {
        method: "GET",
        headers: { ...usual, ...own, "last-event-id": id },
      });
      expect([id, seen.status, json(seen)]).toEqual([id, 400, error(-32000, "Bad Request: Last-Event-ID is unknown")]);
    }
  });

  it("a Last-Event-ID older than what is kept: 400 with the reason", async () => {
    const own = await world.session("alice", world.other);
    const value = "x".repeat(900_000);
    const first = await world.post(call("set_session_data", { key: "big", value }), own, { at: world.other });
    const id = /^id: ?(\S+)$/m.exec(first.text)?.[1] ?? "";
    for (let n = 0; n < 6; n += 1) await world.post(call("get_session_data", { key: "big" }), own, { at: world.other });
    const seen = await ask(world.other, { method: "GET", headers: { ...usual, ...own, "last-event-id": id } });
    expect([seen.status, json(seen)]).toEqual([
      400,
      {
        jsonrpc: "2.0",
        error: {
          code: -32000,
          message: "Bad Request: Last-Event-ID is older than what is kept",
          data: { reason: "replay_window_exceeded" },
        },
        id: null,
      },
    ]);
  });

  it("a handle that is unknown, over or somebody else's, in a tool: one text", async () => {
    const asked = async (name: "alice" | "bob", session_id: string): Promise<unknown> => {
      const { body, headers } = modern("get_context", { session_id });
      return faultIn(await world.post(body, { ...world.as(name), ...headers }));
    };
    const made = async (): Promise<string> => {
      const { body, headers } = modern("create_session", {});
      const { result } = json(await world.post(body, { ...world.as("bob"), ...headers })) as {
        readonly result: { readonly structuredContent: { readonly session_id: string } };
      };
      return result.structuredContent.session_id;
    };
    const [theirs, over] = [await made(), await made()];
    const { body, headers } = modern("end_session", { session_id: over });
    await world.post(body, { ...world.as("bob"), ...headers });
    const unknown = await asked("alice", `ses_${"A".repeat(22)}`);
    expect(unknown).toMatchObject({ error: { code: "not_found", retryable: false } });
    expect([await asked("alice", theirs), await asked("bob", over)]).toEqual([unknown, unknown]);
  });

  it("a requestState that nobody made: -32602, and the handler is not entered", async () => {
    const made = modern("create_session", {});
    const { result } = json(await world.post(made.body, { ...world.as("carol"), ...made.headers })) as {
      readonly result: { readonly structuredContent: { readonly session_id: string } };
    };
    const { session_id } = result.structuredContent;
    const record = modern("record_action", { session_id, action: "kept" });
    await world.post(record.body, { ...world.as("carol"), ...record.headers });
    const refusal = {
      code: -32602,
      message: "Invalid or expired requestState",
      data: { reason: "invalid_request_state" },
    };
    for (const requestState of ["nonsense", `1.k.${"A".repeat(200)}`]) {
      const inputResponses = { confirm: { action: "accept", content: { confirm: true } } };
      const { body, headers } = modern("clear_session", { session_id }, { requestState, inputResponses });
      const seen = await world.post(body, { ...world.as("carol"), ...headers });
      expect([requestState, json(seen)]).toEqual([requestState, { jsonrpc: "2.0", error: refusal, id: 1 }]);
    }
    const look = modern("get_context", { session_id });
    expect(json(await world.post(look.body, { ...world.as("carol"), ...look.headers }))).toMatchObject({
      result: { structuredContent: { total_events: 1 } },
    });
  });

  it("guessing: 60 ids are 404, another one is 429, and one dead id goes on being 404", async () => {
    const guess = (id: string): Promise<Seen> =>
      world.post(ping, {
        ...world.as("mallory"),
        "mcp-session-id": `ses_${id}.x`,
        "mcp-protocol-version": "2025-11-25",
      });
    const guesses = await Promise.all(Array.from({ length: 60 }, (_, n) => guess(`g${n}`)));
    expect(guesses.map(({ status }) => status)).toEqual(guesses.map(() => 404));
    const seen = await guess("one-more");
    expect([seen.status, json(seen)]).toEqual([429, error(-32000, "Too many unknown session ids")]);
    expect(Number(header(seen, "retry-after"))).toBeGreaterThan(0);
    expect((await guess("g1")).status).toBe(404);
    await world.session("bob").then((own) => ask(world.main, { method: "DELETE", headers: { ...usual, ...own } }));
  });

  it("a quota: 429, or the tool error, and whoever has it can read and delete", async () => {
    const own: Headers[] = [];
    for (let n = 0; n < limits.sessions; n += 1) own.push(await world.session("greedy"));
    const seen = await world.post(initialize(), world.as("greedy"));
    expect([seen.status, json(seen)]).toEqual([429, error(-32603, "Quota exceeded")]);
    expect([header(seen, "retry-after"), header(seen, "mcp-session-id")]).toEqual(["60", undefined]);
    const [first = {}, second = {}] = own;
    expect(faultIn(await world.post(call("create_session"), first))).toMatchObject({
      error: { code: "quota_exceeded" },
    });
    expect((await world.post(call("get_context"), first)).status).toBe(200);

    const streams = await Promise.all([open(world.main, first), open(world.main, second)]);
    const [, , third = {}] = own;
    const full = await ask(world.main, { method: "GET", headers: { ...usual, ...third } });
    expect([full.status, json(full)]).toEqual([429, error(-32000, "Too many streams are open")]);
    expect(header(full, "retry-after")).toBe("5");
    for (const stream of streams) await stream[Symbol.asyncDispose]();

    expect((await ask(world.main, { method: "DELETE", headers: { ...usual, ...first } })).status).toBe(200);
    await world.session("greedy");
  });

  it("streams of a node: 429, whoever asks", async () => {
    const [one, two] = [await world.session("alice", world.other), await world.session("bob", world.other)];
    await using first = await open(world.other, one);
    expect(first.status).toBe(200);
    const full = await ask(world.other, { method: "GET", headers: { ...usual, ...two } });
    expect([full.status, json(full)]).toEqual([429, error(-32000, "Too many streams are open at this node")]);
  });

  it.skipIf(isMemory)(
    "a session whose key is not there: 503; one whose sealed record was altered: 500",
    async ({ onTestFinished }) => {
      const own = await world.session("dan");
      const seen = await world.post(ping, own, { at: world.other });
      expect([seen.status, json(seen)]).toEqual([503, unavailable]);
      expect(header(seen, "retry-after")).toMatch(/^\d+$/);

      const handle = (own["mcp-session-id"] ?? "").split(".")[0] ?? "";
      const store = await openAlone(world.storeUrl ?? "");
      onTestFinished(() => store.close());
      const { records } = await store.admin.scan({ kind: "holdfast.transport", limit: 1_000 });
      const record = records.find(({ id }) => id === handle);
      if (record === undefined) throw new Error("the session's record is not there");
      const dump = await store.admin.export(record.owner, record);
      if (dump === undefined) throw new Error("the session's record cannot be exported");
      const { document } = dump.record;
      const at = document.length - 20;
      const altered = `${document.slice(0, at)}${document[at] === "A" ? "B" : "A"}${document.slice(at + 1)}`;
      await store.admin.import(record.owner, { ...dump, record: { ...dump.record, document: altered } });
      const broken = await poll(
        async () => {
          const answer = await world.post(ping, own);
          return answer.status === 200 ? undefined : answer;
        },
        "the record to be read again",
        20_000,
      );
      expect([broken.status, json(broken)]).toEqual([500, error(-32603, "Internal error")]);
      const standing = await store.admin.export(record.owner, record);
      expect(standing?.record.document).toBe(altered);
    },
  );

  it.skipIf(isHere)("the store cannot be reached: 503, for sessions and for those that begin", async () => {
    const own = await world.session("carol", world.other);
    await world.cut();
    const asked = async (): Promise<readonly Seen[]> => [
      await world.post(initialize(), world.as("carol"), { at: world.other }),
      await world.post(ping, own, { at: world.other }),
      await ask(world.other, { method: "GET", headers: { ...usual, ...own } }),
      await ask(world.other, { method: "DELETE", headers: { ...usual, ...own } }),
    ];
    // What was read a moment ago is believed for half a second.
    await poll(
      async () => ((await world.post(ping, own, { at: world.other })).status === 503 ? true : undefined),
      "the store to be missed",
      30_000,
    );
    for (const seen of await asked()) {
      expect([seen.status, json(seen)]).toEqual([503, unavailable]);
      expect(header(seen, "retry-after")).toMatch(/^\d+$/);
      expect(header(seen, "mcp-session-id")).toBeUndefined();
    }
    await world.heal();
    await poll(
      async () =>
        (await world.post(initialize(), world.as("eve"), { at: world.other })).status === 200 ? true : undefined,
      "the store to be there again",
      60_000,
    );
  });
});
