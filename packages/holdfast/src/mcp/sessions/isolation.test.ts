import { afterEach, beforeEach, describe, expect, test } from "vitest";

import {
  type Answer,
  acceptBoth,
  call,
  eventually,
  initializeRequest,
  type Node,
  open,
  openHold,
  startNode,
  stream,
  through,
  toolCall,
} from "./bridge.test-kit.ts";
import { formatWireId, mintWireId } from "./wire-id.ts";

let hold: Awaited<ReturnType<typeof openHold>>;
let node: Node;

beforeEach(async () => {
  hold = await openHold();
  node = await startNode({ hold });
});

afterEach(async () => {
  await node.close();
  await hold.closeAll();
});

const seen = ({ status, headers, text }: Answer) => JSON.stringify({ status, headers, text });

async function everyVerb(headers: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const bodies = [toolCall(1, "count"), { jsonrpc: "2.0", method: "notifications/initialized" }, initializeRequest()];
  const posts = await Promise.all(bodies.map((body) => call(node, "POST", body, { headers })));
  const get = await call(node, "GET", undefined, { headers });
  const resumed = await call(node, "GET", undefined, { headers: { ...headers, "last-event-id": "g_1" } });
  const deleted = await call(node, "DELETE", undefined, { headers });
  return [...posts, get, resumed, deleted].map(seen);
}

describe("a session id that is no live session of the caller", () => {
  test("gets the same bytes on every verb, whatever is wrong with it", async () => {
    const alice = await open(node, { headers: { "x-user": "alice", "x-client": "phone" } });
    const wire = alice["mcp-session-id"] ?? "";
    const ended = await open(node, { headers: { "x-user": "alice", "x-client": "phone" } });
    await call(node, "DELETE", undefined, { headers: ended });
    const [handle, secret = ""] = wire.split(".");
    const by = (user: string, client: string, id: string) => ({
      "x-user": user,
      "x-client": client,
      "mcp-session-id": id,
    });
    const cases = [
      by("bob", "phone", wire),
      by("alice", "laptop", wire),
      { "x-user": "alice", "mcp-session-id": wire },
      { "mcp-session-id": wire },
      ended,
      by("alice", "phone", formatWireId(mintWireId())),
      by("alice", "phone", `${handle}.${secret.slice(20) + secret.slice(0, 20)}`),
      by("alice", "phone", `${handle}.${secret.slice(1)}`),
      by("alice", "phone", handle ?? ""),
      by("alice", "phone", "x"),
      by("alice", "phone", `${wire}a`),
      by("alice", "phone", "__proto__"),
      by("alice", "phone", "../../etc/passwd"),
      by("alice", "phone", "a".repeat(8_000)),
    ];
    const answers = new Set<string>();
    for (const headers of cases) for (const answer of await everyVerb(headers)) answers.add(answer);
    expect([...answers]).toHaveLength(1);
    expect([...answers][0]).toContain('"status":404');
    // Nothing of it touched the session.
    const own = await call(node, "POST", toolCall(2, "count"), { headers: alice });
    expect(own.json()).toMatchObject({ result: { content: [{ text: "1" }] } });
    expect(node.errors).toEqual([]);
  });

  test("a malformed one is not looked up", async () => {
    let reads = 0;
    const counting = await openHold(
      through(hold.store, (operation) => {
        if (operation === "read") reads += 1;
        return undefined;
      }),
    );
    const other = await startNode({ hold: counting });
    for (const id of ["x", "ses_", "ses_a.b", `ses_${"a".repeat(22)}.${"b".repeat(42)}`]) {
      await call(other, "POST", toolCall(1, "count"), { headers: { "mcp-session-id": id } });
    }
    expect(reads).toBe(0);
    await call(other, "POST", toolCall(1, "count"), { headers: { "mcp-session-id": formatWireId(mintWireId()) } });
    expect(reads).toBe(1);
    await other.close();
    await counting.closeAll();
  });

  test("a session ended elsewhere is refused here within a second, and its streams end", async () => {
    const headers = await open(node);
    const other = await startNode({ hold });
    const get = await stream(node, "GET", undefined, headers);
    await get.until(1);
    await call(node, "POST", toolCall(1, "count"), { headers });
    await call(other, "DELETE", undefined, { headers });
    await eventually(async () => (await call(node, "POST", toolCall(2, "count"), { headers })).status === 404, 1_000);
    await get.ended;
    expect(node.endpoint.stats.streams).toBe(0);
    await other.close();
  });
});

describe("odd requests", () => {
  test("each has its answer, and none leaves anything behind", async () => {
    const headers = await open(node);
    const old = await open(node, { protocolVersion: "2025-03-26" });
    const list = { jsonrpc: "2.0", id: 1, method: "tools/list" };
    const records = (await hold.store.admin.stats()).records;
    const rows: readonly [string, unknown, Readonly<Record<string, string>>, number, number][] = [
      ["no session id", list, {}, 400, -32000],
      ["unsupported version", list, { ...headers, "mcp-protocol-version": "1999-01-01" }, 400, -32000],
      ["version that is none", list, { ...headers, "mcp-protocol-version": "latest" }, 400, -32000],
      ["second initialize", initializeRequest(), headers, 400, -32600],
      ["batch in a version without", [list], headers, 400, -32600],
      ["batch, version unnamed", [list], { "mcp-session-id": headers["mcp-session-id"] ?? "" }, 400, -32600],
      ["empty batch", [], old, 400, -32600],
      ["initialize in a batch", [initializeRequest("2025-03-26")], {}, 400, -32600],
      ["no JSON-RPC", { hello: 1 }, headers, 400, -32600],
      ["a string", "x", headers, 400, -32600],
      ["null", null, headers, 400, -32600],
      ["id null", { ...list, id: null }, headers, 400, -32600],
      ["id an object", { ...list, id: {} }, headers, 400, -32600],
      ["params an array", { ...list, params: [] }, headers, 400, -32600],
      ["neither request nor answer", { jsonrpc: "2.0", id: 1 }, headers, 400, -32600],
      [
        "result and error",
        { jsonrpc: "2.0", id: 1, result: {}, error: { code: 1, message: "" } },
        headers,
        400,
        -32600,
      ],
    ];
    for (const [name, body, given, status, code] of rows) {
      const answer = await call(node, "POST", body, { headers: given });
      expect([name, answer.status, (answer.json()["error"] as unknown as { code: number }).code]).toEqual([
        name,
        status,
        code,
      ]);
    }
    expect((await hold.store.admin.stats()).records).toBe(records);
    const served = await call(node, "POST", [list, { ...list, id: 2 }, { jsonrpc: "2.0", method: "notifications/x" }], {
      headers: old,
    });
    expect(JSON.parse(served.text)).toMatchObject([{ id: 1 }, { id: 2 }]);
    expect((await call(node, "POST", { jsonrpc: "2.0", id: 5, method: "nope" }, { headers })).json()).toMatchObject({
      error: { code: -32601 },
    });
    expect((await call(node, "POST", { jsonrpc: "2.0", id: 6, method: "ping" }, { headers })).json()).toEqual({
      jsonrpc: "2.0",
      id: 6,
      result: {},
    });
  });

  test("a batch that streams has all its responses on the stream", async () => {
    const headers = await open(node, { protocolVersion: "2025-03-26" });
    const answer = await call(
      node,
      "POST",
      [toolCall(1, "echo", { text: "x" }), toolCall(2, "steps", { n: 2, waitMs: 5 })],
      { headers },
    );
    expect(answer.header("content-type")).toBe("text/event-stream");
    expect(answer.text.match(/"id":1,|"id":1}/g)).toHaveLength(1);
    expect(answer.text).toContain("done 2");
  });

  test("arguments with keys that mean something to JavaScript stay data", async () => {
    const headers = await open(node);
    const body = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"ok","__proto__":{"text":"no"}}}}`;
    const response = await fetch(node.url, { method: "POST", body, headers: { accept: acceptBoth, ...headers } });
    expect(await response.json()).toMatchObject({ result: { content: [{ text: "ok" }] } });
  });
});

test("a principal has at most so many sessions, also when they are opened at once", async () => {
  await node.close();
  const few = await openHold(hold.store, { limits: { maxSessions: 5 } });
  node = await startNode({ hold: few });
  const headers = { "x-user": "alice" };
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => call(node, "POST", initializeRequest(), { headers })),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(15);
  expect(answers.find(({ status }) => status === 429)?.header("retry-after")).toBeDefined();
  expect((await call(node, "POST", initializeRequest(), { headers: { "x-user": "bob" } })).status).toBe(200);
  await eventually(() => node.instances.made - node.instances.closed === 6);
  await few.closeAll();
});

test("who tries many ids is told to wait; who repeats one dead id is told that it is dead", async () => {
  const headers = { "x-user": "mallory" };
  const present = (id: string) =>
    call(node, "POST", toolCall(1, "count"), { headers: { ...headers, "mcp-session-id": id } });
  const dead = formatWireId(mintWireId());
  for (let i = 0; i < 100; i += 1) expect((await present(dead)).status).toBe(404);
  const tried = await Promise.all(
    Array.from({ length: 80 }, (_, i) => present(i % 2 === 0 ? formatWireId(mintWireId()) : `x${i}`)),
  );
  expect(tried.filter(({ status }) => status === 404)).toHaveLength(59);
  const refused = tried.filter(({ status }) => status === 429);
  expect(refused).toHaveLength(21);
  expect(Number(refused[0]?.header("retry-after"))).toBeGreaterThan(0);
  expect((await present(dead)).status).toBe(404);
  // Neither the guesser's own sessions nor anybody else is touched by it.
  const own = await open(node, { headers });
  expect((await call(node, "POST", toolCall(1, "count"), { headers: own })).status).toBe(200);
  const other = { "x-user": "alice", "mcp-session-id": dead };
  expect((await call(node, "GET", undefined, { headers: other })).status).toBe(404);
});
