import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Change } from "../../record/change.ts";
import { localUser, ownerOfPrincipal } from "../../security/principal.ts";
import {
  call,
  eventually,
  initializeRequest,
  type Node,
  open,
  openHold,
  parseEvents,
  startNode,
  stream,
  toolCall,
} from "./bridge.test-kit.ts";
import { getStreamId } from "./stream-id.ts";
import { takeoverCounter, transportKey } from "./transport-record.ts";

let hold: Awaited<ReturnType<typeof openHold>>;
let node: Node;

beforeEach(async () => {
  hold = await openHold();
  node = await startNode({ hold });
});

afterEach(async () => {
  expect(node.endpoint.stats.callsInFlight).toBe(0);
  await node.close();
  expect(node.endpoint.stats).toMatchObject({ warm: 0, streams: 0 });
  expect(node.instances.closed).toBe(node.instances.made);
  await hold.closeAll();
});

const bodies = (events: readonly { data: string }[]) =>
  events.filter(({ data }) => data !== "").map(({ data }) => JSON.parse(data));

describe("a POST that streams", () => {
  test("starts with a place to resume from, has ids on everything and ends with the response", async () => {
    const headers = await open(node);
    const answer = await call(node, "POST", toolCall("a", "steps", { n: 2 }), { headers });
    expect(answer.header("content-type")).toBe("text/event-stream");
    const events = parseEvents(answer.text);
    expect(events[0]).toMatchObject({ data: "", retry: "1000" });
    expect(bodies(events).map((message) => message.params?.data ?? message.result.content[0].text)).toEqual([
      "step 1",
      "step 2",
      "done 2",
    ]);
    for (const { id } of events) expect(id).toMatch(/^[A-Za-z0-9-]+_[0-9]+$/);
    expect(new Set(events.map(({ id }) => id)).size).toBe(4);
  });

  test("older clients get no event without data", async () => {
    const headers = await open(node, { protocolVersion: "2025-06-18" });
    const answer = await call(node, "POST", toolCall(1, "steps", { n: 1 }), { headers });
    expect(parseEvents(answer.text).map(({ data }) => data === "")).toEqual([false, false]);
  });

  test("a plain call costs no log write and is JSON", async () => {
    const headers = await open(node);
    const answer = await call(node, "POST", toolCall(1, "echo", { text: "é\u2028\n\u0000" }), { headers });
    expect(answer.header("content-type")).toBe("application/json");
    expect(answer.json()).toMatchObject({ result: { content: [{ text: "é\u2028\n\u0000" }] } });
    expect((await hold.store.admin.stats()).events).toBe(0);
  });

  test("a dropped stream resumes with exactly what is missing, and ends with the response", async () => {
    const headers = await open(node);
    const first = await stream(node, "POST", toolCall(1, "steps", { n: 6, waitMs: 40 }), headers);
    const seen = await first.until(3);
    const last = seen[2]?.id ?? "";
    first.drop();
    await first.ended;
    const resumed = await call(node, "GET", undefined, { headers: { ...headers, "last-event-id": last } });
    const texts = bodies(parseEvents(resumed.text)).map(
      (message) => message.params?.data ?? message.result.content[0].text,
    );
    expect(texts).toEqual(["step 3", "step 4", "step 5", "step 6", "done 6"]);
  });

  test("a finished stream is replayed whole from its start, and nothing follows its end", async () => {
    const headers = await open(node);
    const events = parseEvents((await call(node, "POST", toolCall(1, "steps", { n: 3 }), { headers })).text);
    const again = await call(node, "GET", undefined, { headers: { ...headers, "last-event-id": events[0]?.id ?? "" } });
    expect(parseEvents(again.text)).toEqual(events.slice(1).map(({ id, data }) => ({ id, data })));
    const over = await call(node, "GET", undefined, {
      headers: { ...headers, "last-event-id": events.at(-1)?.id ?? "" },
    });
    expect(over.status).toBe(200);
    expect(parseEvents(over.text)).toEqual([]);
  });

  test("a tool may close the stream; the client polls and gets the response", async () => {
    const headers = await open(node);
    const closed = await call(node, "POST", toolCall(1, "poll"), { headers });
    const events = parseEvents(closed.text);
    expect(events).toEqual([{ id: expect.any(String), data: "", retry: "1000" }]);
    const rest = await call(node, "GET", undefined, { headers: { ...headers, "last-event-id": events[0]?.id ?? "" } });
    expect(bodies(parseEvents(rest.text))).toMatchObject([{ id: 1, result: { content: [{ text: "polled" }] } }]);
  });

  test("has one connection: who resumes it while it is open takes it over", async () => {
    const headers = await open(node);
    const first = await stream(node, "POST", toolCall(1, "steps", { n: 8, waitMs: 40 }), headers);
    const [opening] = await first.until(2);
    const second = await stream(node, "GET", undefined, { ...headers, "last-event-id": opening?.id ?? "" });
    await first.ended;
    const third = await stream(node, "GET", undefined, { ...headers, "last-event-id": opening?.id ?? "" });
    await second.ended;
    await third.ended;
    expect(bodies(third.events).at(-1)).toMatchObject({ id: 1 });
    expect(third.events).toHaveLength(9);
    for (const { events } of [first, second]) expect(events.some(({ data }) => data.includes('"result"'))).toBe(false);
  });

  test("concurrent streams keep apart, live and when replayed", async () => {
    const headers = await open(node);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => call(node, "POST", toolCall(i, "steps", { n: 5, waitMs: 2 }), { headers })),
    );
    for (const [i, answer] of answers.entries()) {
      const events = parseEvents(answer.text);
      expect(bodies(events).at(-1).id).toBe(i);
      expect(
        bodies(events)
          .slice(0, -1)
          .map((message) => message.params.data),
      ).toEqual([1, 2, 3, 4, 5].map((n) => `step ${n}`));
      const replayed = await call(node, "GET", undefined, {
        headers: { ...headers, "last-event-id": events[0]?.id ?? "" },
      });
      expect(parseEvents(replayed.text).map(({ id }) => id)).toEqual(events.slice(1).map(({ id }) => id));
    }
  });

  test("two calls under one id in flight at once each get their own answer", async () => {
    const headers = await open(node);
    const [a, b] = await Promise.all([
      call(node, "POST", toolCall("same", "steps", { n: 3, waitMs: 10 }), { headers }),
      call(node, "POST", toolCall("same", "steps", { n: 4, waitMs: 10 }), { headers }),
    ]);
    expect(bodies(parseEvents(a?.text ?? "")).at(-1)).toMatchObject({
      id: "same",
      result: { content: [{ text: "done 3" }] },
    });
    expect(bodies(parseEvents(b?.text ?? "")).at(-1)).toMatchObject({
      id: "same",
      result: { content: [{ text: "done 4" }] },
    });
  });
});

describe("Last-Event-ID", () => {
  test("unknown, forged and foreign ids are one answer", async () => {
    const headers = await open(node);
    const other = await open(node);
    const [opening, ...rest] = parseEvents(
      (await call(node, "POST", toolCall(1, "steps", { n: 2 }), { headers })).text,
    );
    const [foreign] = parseEvents((await call(node, "POST", toolCall(1, "steps", { n: 2 }), { headers: other })).text);
    const second = parseEvents((await call(node, "POST", toolCall(2, "steps", { n: 2 }), { headers })).text);
    const streamId = (opening?.id ?? "").split("_")[0] ?? "";
    const secondPosition = second[1]?.id?.split("_")[1];
    const ids = [
      "x",
      "_",
      "0",
      `${streamId}_0`,
      `${streamId}_-1`,
      `${streamId}_999999`,
      `${streamId}_9007199254740993`,
      `${streamId}_1e3`,
      `${streamId}_${secondPosition}`,
      `${streamId.slice(0, -1)}${streamId.endsWith("0") ? "1" : "0"}_1`,
      `g${"A".repeat(12)}_1`,
      foreign?.id ?? "",
      "é".repeat(3),
      "a".repeat(5_000),
      "__proto__",
      `${rest[0]?.id} `.trim() + "x",
    ];
    const answers = await Promise.all(
      ids.map((id) => call(node, "GET", undefined, { headers: { ...headers, "last-event-id": encodeURI(id) } })),
    );
    const [one] = answers;
    expect(one).toMatchObject({ status: 400 });
    expect(one?.json()).toMatchObject({ error: { code: -32000 }, id: null });
    for (const answer of answers)
      expect([answer.status, answer.headers, answer.text]).toEqual([one?.status, one?.headers, one?.text]);
  });

  test("older than what is kept says so", async () => {
    await node.close();
    node = await startNode({ hold, options: { maxLogEvents: 5 } });
    const headers = await open(node);
    const [opening] = parseEvents((await call(node, "POST", toolCall(1, "steps", { n: 20 }), { headers })).text);
    const answer = await call(node, "GET", undefined, { headers: { ...headers, "last-event-id": opening?.id ?? "" } });
    expect(answer.status).toBe(400);
    expect(answer.json()).toMatchObject({ error: { data: { reason: "replay_window_exceeded" } } });
  });
});

describe("the GET stream", () => {
  test("gets what was said before anybody listened, then what comes", async () => {
    const headers = await open(node);
    await call(node, "POST", toolCall(1, "announce"), { headers });
    const get = await stream(node, "GET", undefined, headers);
    await get.until(2);
    await call(node, "POST", toolCall(2, "announce"), { headers });
    const events = await get.until(3);
    expect(events.map(({ data }) => (data === "" ? "primed" : JSON.parse(data).method))).toEqual([
      "notifications/tools/list_changed",
      "primed",
      "notifications/tools/list_changed",
    ]);
    get.drop();
  });

  test("says nothing before the client is ready", async () => {
    const answer = await call(node, "POST", initializeRequest());
    const headers = { "mcp-session-id": answer.header("mcp-session-id") ?? "" };
    await call(node, "POST", toolCall(1, "announce"), { headers });
    const get = await stream(node, "GET", undefined, headers);
    await get.until(1);
    expect(get.events.map(({ data }) => data)).toEqual([""]);
    await call(node, "POST", { jsonrpc: "2.0", method: "notifications/initialized" }, { headers });
    await get.until(2);
    get.drop();
  });

  test("a newer one takes over at once and the older ends; the newest of many has it", async () => {
    const headers = await open(node);
    const older = await stream(node, "GET", undefined, headers);
    await older.until(1);
    const newer = await stream(node, "GET", undefined, headers);
    await newer.until(1);
    await older.ended;
    const many = await Promise.all(Array.from({ length: 8 }, () => stream(node, "GET", undefined, headers)));
    await eventually(() => node.endpoint.stats.streams === 1);
    await call(node, "POST", toolCall(1, "announce"), { headers });
    await eventually(() => many.some(({ events }) => events.some(({ data }) => data.includes("list_changed"))));
    expect(many.filter(({ events }) => events.some(({ data }) => data.includes("list_changed")))).toHaveLength(1);
    for (const one of many) one.drop();
  });

  test("one opened at another node takes over too", async () => {
    const headers = await open(node);
    const here = await stream(node, "GET", undefined, headers);
    await here.until(1);
    const other = await startNode({ hold });
    const there = await stream(other, "GET", undefined, headers);
    await here.ended;
    await call(node, "POST", toolCall(1, "announce"), { headers });
    expect((await there.until(2))[1]?.data).toContain("list_changed");
    there.drop();
    await there.ended;
    await other.close();
  });

  test("resumes without gap or duplicate while messages keep coming", async () => {
    const headers = await open(node);
    const get = await stream(node, "GET", undefined, headers);
    await get.until(1);
    const talking = (async () => {
      for (let i = 0; i < 60; i += 1) await call(node, "POST", toolCall(i, "announce"), { headers });
    })();
    const ids: string[] = [];
    let current = get;
    for (let round = 0; round < 6; round += 1) {
      await current.until(3).catch(() => undefined);
      current.drop();
      await current.ended;
      ids.push(...current.events.map(({ id }) => id ?? ""));
      current = await stream(node, "GET", undefined, { ...headers, "last-event-id": ids.at(-1) ?? "" });
    }
    await talking;
    const before = new Set(ids).size;
    await current.until(61 - before);
    ids.push(...current.events.map(({ id }) => id ?? ""));
    expect(ids).toHaveLength(61);
    expect(new Set(ids).size).toBe(61);
    current.drop();
  });

  test("lost before anything of it went out, is owed what was said since to who comes back without a cursor", async () => {
    const headers = await open(node);
    const heard = await stream(node, "GET", undefined, headers);
    await heard.until(1);
    await call(node, "POST", toolCall(1, "announce"), { headers });
    await heard.until(2);
    heard.drop();
    // As of nodes that died between opening a stream and sending its head.
    const gone = new AbortController();
    const lost = async (): Promise<unknown> =>
      node.endpoint.handle({
        method: "GET",
        header: (name) => headers[name],
        principal: localUser,
        body: undefined,
        signal: gone.signal,
        request: () => new Request(node.url),
      });
    await lost();
    await call(node, "POST", toolCall(2, "announce"), { headers });
    await lost();
    await call(node, "POST", toolCall(3, "announce"), { headers });
    const other = await startNode({ hold });
    const again = await stream(other, "GET", undefined, headers);
    await again.until(3);
    await call(node, "POST", toolCall(4, "announce"), { headers });
    const said = (await again.until(4)).map(({ data }) => (data === "" ? "primed" : JSON.parse(data).method));
    const changed = "notifications/tools/list_changed";
    // Two that nobody has heard, and one that came afterwards; not the one that was heard.
    expect(said).toEqual([changed, changed, "primed", changed]);
    gone.abort();
    again.drop();
    await again.ended;
    await other.close();
  });

  test("ends when the session ends", async () => {
    const headers = await open(node);
    const get = await stream(node, "GET", undefined, headers);
    await get.until(1);
    await call(node, "DELETE", undefined, { headers });
    await get.ended;
    expect(node.endpoint.stats.streams).toBe(0);
  });

  test("is counted, and refused beyond the bounds", async () => {
    await node.close();
    node = await startNode({ hold, options: { maxStreams: 3, maxStreamsPerPrincipal: 2 } });
    const alice = { "x-user": "alice" };
    const [a, b, c] = [
      await open(node, { headers: alice }),
      await open(node, { headers: alice }),
      await open(node, { headers: alice }),
    ];
    const one = await stream(node, "GET", undefined, a);
    const two = await stream(node, "GET", undefined, b);
    const refused = await call(node, "GET", undefined, { headers: c });
    expect([refused.status, refused.header("retry-after")]).toEqual([429, "5"]);
    // Nor does who is refused, having had a stream once, leave anything behind.
    const handle = (c["mcp-session-id"] ?? "").split(".")[0] ?? "";
    const owner = ownerOfPrincipal({ issuer: "test", subject: "alice", scopes: [] });
    const had: Change = { ...transportKey(handle), expect: "present", counters: [{ name: takeoverCounter, by: 1 }] };
    await hold.store.commit(owner, [had]);
    const before = await hold.store.read(owner, transportKey(handle));
    expect((await call(node, "GET", undefined, { headers: c })).status).toBe(429);
    expect((await hold.store.read(owner, transportKey(handle))).record).toEqual(before.record);
    // Coming back to one's own stream is not a new one.
    const again = await stream(node, "GET", undefined, a);
    expect(again.status).toBe(200);
    await one.ended;
    // A call that would stream is answered plainly instead: it has run already.
    const plain = await call(node, "POST", toolCall(1, "steps", { n: 2 }), { headers: c });
    expect(plain.json()).toMatchObject({ result: { content: [{ text: "done 2" }] } });
    const bob = await open(node, { headers: { "x-user": "bob" } });
    const three = await stream(node, "GET", undefined, bob);
    const carol = await open(node, { headers: { "x-user": "carol" } });
    expect((await call(node, "GET", undefined, { headers: carol })).status).toBe(429);
    for (const open of [two, again, three]) open.drop();
    await eventually(() => node.endpoint.stats.streams === 0);
  });

  test("a connection that is gone before anything was said leaves nothing", async () => {
    const headers = await open(node);
    for (let i = 0; i < 20; i += 1) {
      const get = await stream(node, "GET", undefined, headers);
      get.drop();
    }
    await eventually(() => node.endpoint.stats.streams === 0);
    expect(node.errors).toEqual([]);
  });
});

test("a GET stream's id is the session's own", async () => {
  const headers = await open(node);
  const handle = (headers["mcp-session-id"] ?? "").split(".")[0] ?? "";
  const { record } = await hold.store.read(ownerOfPrincipal(localUser), transportKey(handle));
  const { secretHash } = JSON.parse(record?.document ?? "{}");
  const get = await stream(node, "GET", undefined, headers);
  const [first] = await get.until(1);
  expect(first?.id?.split("_")[0]).toBe(getStreamId(secretHash));
  expect(record?.document).not.toContain((headers["mcp-session-id"] ?? "").split(".")[1]);
  get.drop();
});
