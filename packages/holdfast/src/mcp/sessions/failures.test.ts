import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { type ErrorCode, HoldfastError } from "../../record/errors.ts";
import { localUser } from "../../security/principal.ts";
import type { Store } from "../../store/contract.ts";
import { memoryStore } from "../../stores/memory/index.ts";
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
  through,
  toolCall,
} from "./bridge.test-kit.ts";

type Cut = {
  readonly store: Store;
  code: ErrorCode | undefined;
  only: readonly (keyof Store)[];
  /** Asked where nothing is cut. */
  refuse: (operation: keyof Store) => boolean;
};

/** A real store whose connection can be cut. */
function cuttable(whole: Store): Cut {
  const cut: Cut = {
    code: undefined,
    refuse: () => false,
    only: ["read", "commit", "events", "list", "usage"],
    store: through(whole, (operation) => {
      const isCut = cut.code !== undefined && cut.only.includes(operation);
      if (isCut && cut.code !== undefined) return new HoldfastError(cut.code, "cut");
      return cut.refuse(operation) ? new HoldfastError("STORE_FULL", "refused") : undefined;
    }),
  };
  return cut;
}

let store: Store;
let cut: Cut;
let hold: Awaited<ReturnType<typeof openHold>>;
let node: Node;

beforeEach(async () => {
  store = await memoryStore();
  cut = cuttable(store);
  hold = await openHold(cut.store);
  node = await startNode({ hold, options: { trustMs: 0 } });
});

afterEach(async () => {
  cut.code = undefined;
  await node.close();
  await hold.closeAll();
  await store.close();
});

describe("a store that cannot be reached", () => {
  test.each(["UNAVAILABLE", "OUTCOME_UNKNOWN", "STORE_CORRUPT", "STORE_UNSAFE"] as const)(
    "%s is 503 with Retry-After on every verb, initialize too, and never 404",
    async (code) => {
      const headers = await open(node);
      cut.code = code;
      const answers = [
        await call(node, "POST", initializeRequest()),
        await call(node, "POST", toolCall(1, "echo", { text: "x" }), { headers }),
        await call(node, "POST", { jsonrpc: "2.0", method: "notifications/initialized" }, { headers }),
        await call(node, "GET", undefined, { headers }),
        await call(node, "DELETE", undefined, { headers }),
      ];
      for (const answer of answers) {
        expect(answer.status).toBe(503);
        expect(answer.header("retry-after")).toMatch(/^\d+$/);
        expect(answer.json()).toMatchObject({ error: { code: -32603 }, id: null });
        expect(answer.text).not.toContain("cut");
      }
      cut.code = undefined;
      expect((await call(node, "POST", toolCall(1, "count"), { headers })).status).toBe(200);
      await eventually(() => node.instances.made - node.instances.closed === 1);
    },
  );

  test("a full store is 507 for a new session", async () => {
    cut.code = "STORE_FULL";
    expect((await call(node, "POST", initializeRequest())).status).toBe(507);
  });

  test("a message that cannot be logged is not sent, and the answer is plain", async () => {
    const headers = await open(node);
    cut.code = "STORE_FULL";
    cut.only = ["commit"];
    const answer = await call(node, "POST", toolCall(1, "steps", { n: 1 }), { headers });
    expect(answer.header("content-type")).toBe("application/json");
    expect(answer.json()).toMatchObject({ id: 1, result: { content: [{ text: "done 1" }] } });
  });

  test("a short outage is bridged: what streams is late, not lost", async () => {
    const headers = await open(node);
    const streaming = await stream(node, "POST", toolCall(1, "steps", { n: 4, waitMs: 30 }), headers);
    await streaming.until(2);
    cut.code = "UNAVAILABLE";
    cut.only = ["commit"];
    setTimeout(() => {
      cut.code = undefined;
    }, 150);
    await streaming.ended;
    const texts = streaming.events.slice(1).map(({ data }) => JSON.parse(data).params?.data ?? "done");
    expect(texts).toEqual(["step 1", "step 2", "step 3", "step 4", "done"]);
  });

  test("a GET stream outlives an outage and has everything that was said", async () => {
    const headers = await open(node);
    const get = await stream(node, "GET", undefined, headers);
    await get.until(1);
    cut.code = "UNAVAILABLE";
    cut.only = ["events"];
    await call(node, "POST", toolCall(1, "announce"), { headers });
    await eventually(() => node.errors.length > 0);
    cut.code = undefined;
    expect((await get.until(2))[1]?.data).toContain("list_changed");
    get.drop();
  });

  test("a response that cannot be logged ends the stream without it; who resumes is told to repeat", async () => {
    const headers = await open(node);
    const streaming = await stream(node, "POST", toolCall(1, "steps", { n: 1, waitMs: 100 }), headers);
    const [opening] = await streaming.until(2);
    cut.code = "STORE_FULL";
    cut.only = ["commit"];
    await streaming.ended;
    expect(streaming.events).toHaveLength(2);
    cut.code = undefined;
    const resumed = parseEvents(
      (await call(node, "GET", undefined, { headers: { ...headers, "last-event-id": opening?.id ?? "" } })).text,
    );
    expect(JSON.parse(resumed.at(-1)?.data ?? "")).toMatchObject({ id: 1, error: { code: -32603 } });
    expect(resumed.at(-1)?.data).toContain("repeated");
  });
});

describe("what is refused or fails in the middle", () => {
  test("GET streams that were answered with an error do not use up the principal's streams", async () => {
    const headers = await open(node);
    cut.code = "UNAVAILABLE";
    cut.only = ["commit"];
    for (let i = 0; i < 40; i += 1) {
      expect((await call(node, "GET", undefined, { headers })).status).toBe(503);
    }
    cut.code = undefined;
    expect(node.endpoint.stats.streams).toBe(0);
    expect(node.endpoint.stats.inUse).toBe(0);
    const get = await stream(node, "GET", undefined, headers);
    expect(get.status).toBe(200);
    get.drop();
  });

  test("a tool whose client's answer was pushed out of the inbox hears that it was lost, and does not wait on", async () => {
    const theirs = await openHold(store);
    const other = await startNode({ hold: theirs });
    const headers = await open(node);
    const asking = await stream(node, "POST", toolCall(1, "ask", { question: "who" }), headers);
    const [, question] = await asking.until(2);
    cut.code = "UNAVAILABLE";
    cut.only = ["events"];
    const answer = (id: unknown) =>
      call(other, "POST", { jsonrpc: "2.0", id, result: { action: "accept", content: { name: "Ada" } } }, { headers });
    await answer(JSON.parse(question?.data ?? "").id);
    for (let i = 0; i < 80; i += 1) await answer(`hf-elsewhere000-${i}`);
    await eventually(() => node.errors.length > 0);
    cut.code = undefined;
    await answer("hf-elsewhere000-last");
    await asking.ended;
    expect(JSON.parse(asking.events.at(-1)?.data ?? "")).toMatchObject({ id: 1, result: { isError: true } });
    expect(asking.events.at(-1)?.data).toContain("lost");
    await other.close();
    await theirs.closeAll();
  });

  test("an answer that arrives at another node while its principal has no room left is taken; a large one is 429, never 404", async () => {
    const small = { limits: { maxBytes: 200_000 } };
    const [full, theirs] = [await openHold(store, small), await openHold(store, small)];
    const [here, other] = [await startNode({ hold: full }), await startNode({ hold: theirs })];
    const headers = await open(here);
    const asking = await stream(here, "POST", toolCall(1, "ask", { question: "who" }), headers);
    const [, question] = await asking.until(2);
    const fill = full.sessions(localUser).create({ metadata: "x".repeat(195_000) });
    await expect(fill.then(() => full.sessions(localUser).create({ metadata: "x".repeat(9_000) }))).rejects.toThrow(
      /quota|bytes/i,
    );
    const answer = (name: string) => ({
      jsonrpc: "2.0",
      id: JSON.parse(question?.data ?? "").id,
      result: { action: "accept", content: { name } },
    });
    const refused = await call(other, "POST", answer("A".repeat(100_000)), { headers });
    expect([refused.status, refused.json()]).toMatchObject([429, { error: { code: -32603 } }]);
    expect((await call(other, "POST", answer("Ada"), { headers })).status).toBe(202);
    await asking.ended;
    expect(asking.events.at(-1)?.data).toContain("Ada");
    for (const one of [here, other]) await one.close();
    for (const one of [full, theirs]) await one.closeAll();
  });

  test("calls that could not be streamed do not use up the principal's streams", async () => {
    const headers = await open(node);
    cut.code = "STORE_FULL";
    cut.only = ["commit"];
    for (let i = 0; i < 40; i += 1) {
      const answer = await call(node, "POST", toolCall(i, "steps", { n: 1 }), { headers });
      expect(answer.header("content-type")).toBe("application/json");
    }
    cut.code = undefined;
    expect(node.endpoint.stats).toMatchObject({ streams: 0, inUse: 0, callsInFlight: 0 });
    const answer = await call(node, "POST", toolCall(99, "steps", { n: 1 }), { headers });
    expect(answer.header("content-type")).toBe("text/event-stream");
  });

  test("a client whose session was made gets its id, though what the server said early could not be kept", async () => {
    const saying = await startNode({
      hold,
      build: (server) => {
        const connect = server.connect.bind(server);
        server.connect = async (transport) => {
          await connect(transport);
          await server.server.notification({ method: "notifications/message", params: { level: "info", data: "hi" } });
        };
      },
    });
    const commits: boolean[] = [];
    cut.refuse = (operation) => {
      if (operation !== "commit") return false;
      commits.push(true);
      // The session is made; what comes after it is not taken.
      return commits.length > 1;
    };
    const answer = await call(saying, "POST", initializeRequest());
    cut.refuse = () => false;
    cut.code = undefined;
    expect(answer.status).toBe(200);
    expect(answer.header("mcp-session-id")).toMatch(/^ses_/);
    expect(commits.length).toBeGreaterThan(1);
    expect(saying.errors).toMatchObject([{ code: "STORE_FULL" }]);
    const headers = { "mcp-session-id": answer.header("mcp-session-id") ?? "" };
    const pinged = await call(saying, "POST", { jsonrpc: "2.0", id: 1, method: "ping" }, { headers });
    expect(pinged.status).toBe(200);
    await saying.endpoint.drain();
    expect(saying.endpoint.stats.callsInFlight).toBe(0);
    await saying.close();
  });
});

describe("servers that fail", () => {
  test("one that cannot be built is 500 without its reason", async () => {
    const broken = await startNode({
      hold,
      build: () => {
        throw new Error("secret reason");
      },
    });
    const answer = await call(broken, "POST", initializeRequest());
    expect([answer.status, answer.text.includes("secret")]).toEqual([500, false]);
    expect((await store.admin.stats()).records).toBe(0);
    expect(broken.errors).toHaveLength(1);
    await broken.close();
  });

  test("closing in the middle of calls answers them and leaves nothing", async () => {
    const headers = await open(node);
    const plain = call(node, "POST", toolCall(1, "steps", { n: 0, waitMs: 5_000 }), { headers });
    const asking = await stream(node, "POST", toolCall(2, "ask", { question: "?" }), headers);
    await asking.until(2);
    await plain;
    await node.endpoint.close();
    await asking.ended;
    expect(asking.events.at(-1)?.data).toContain("repeated");
    expect(node.endpoint.stats).toMatchObject({ warm: 0, streams: 0, callsInFlight: 0 });
    expect((await call(node, "POST", toolCall(3, "count"), { headers })).status).toBe(503);
  });

  test("draining refuses what is new, ends GET streams and lets calls finish", async () => {
    const headers = await open(node);
    const get = await stream(node, "GET", undefined, headers);
    await get.until(1);
    const running = call(node, "POST", toolCall(1, "steps", { n: 3, waitMs: 50 }), { headers });
    await eventually(() => node.endpoint.stats.callsInFlight === 1);
    const drained = node.endpoint.drain();
    expect((await call(node, "POST", toolCall(2, "count"), { headers })).status).toBe(503);
    await get.ended;
    expect((await running).text).toContain("done 3");
    await drained;
    const next = await startNode({ hold });
    const resumed = await stream(next, "GET", undefined, { ...headers, "last-event-id": get.events.at(-1)?.id ?? "" });
    expect(resumed.status).toBe(200);
    resumed.drop();
    await next.close();
  });
});
