import { describe, expect, it } from "vitest";

import { faultOf, valueOf } from "../clients/caller.ts";
import { iso, oddValues, toolBench } from "./tool-bench.ts";

const bench = toolBench();

describe("record_action", () => {
  it("counts positions from one", async () => {
    const session_id = await bench.newSession();
    for (const position of [1, 2, 3]) {
      const answer = await valueOf(bench.call("record_action", { session_id, action: "step", details: { position } }));
      expect(answer).toEqual({ session_id, position, total_events: position });
    }
  });

  it("keeps the order and the payload of concurrent actions, each once", async () => {
    const session_id = await bench.newSession();
    const numbers = Array.from({ length: 40 }, (_, index) => index);
    const positions = await Promise.all(
      numbers.map(
        async (n) => (await valueOf(bench.call("record_action", { session_id, action: "n", details: n })))["position"],
      ),
    );
    expect([...positions].sort((a, b) => Number(a) - Number(b))).toEqual(numbers.map((n) => n + 1));
  });

  it.each(oddValues)("keeps %s as details", async (_, details) => {
    const session_id = await bench.newSession();
    await valueOf(bench.call("record_action", { session_id, action: "odd", details }));
    const context = await valueOf(bench.call("get_context", { session_id }));
    expect(context["recent_events"]).toEqual([{ position: 1, type: "odd", payload: details, at: iso }]);
  });

  it("shows null where no details were given", async () => {
    const session_id = await bench.newSession();
    await valueOf(bench.call("record_action", { session_id, action: "bare" }));
    expect(await valueOf(bench.call("get_context", { session_id }))).toMatchObject({
      recent_events: [{ payload: null }],
    });
  });

  it.each([
    [{}],
    [{ action: "" }],
    [{ action: "x".repeat(129) }],
    [{ action: 1 }],
    [{ action: "a", idempotency_key: "" }],
  ])("refuses %j", async (args) => {
    const session_id = await bench.newSession();
    expect(await faultOf(bench.call("record_action", { session_id, ...args }))).toMatchObject({
      code: "invalid_argument",
    });
    expect(await valueOf(bench.call("get_context", { session_id }))).toMatchObject({ total_events: 0 });
  });
});

describe("get_context", () => {
  it("has every part, empty at first", async () => {
    const session_id = await bench.newSession();
    expect(await valueOf(bench.call("get_context", { session_id }))).toEqual({
      session_id,
      label: null,
      total_events: 0,
      metadata: null,
      preferences: {},
      counters: {},
      recent_events: [],
      recent_turns: [],
    });
  });

  it("shows the newest actions, oldest of them first, as many as asked for", async () => {
    const session_id = await bench.newSession();
    for (let n = 1; n <= 12; n++) await valueOf(bench.call("record_action", { session_id, action: `a${n}` }));
    const types = async (args: Readonly<Record<string, unknown>>): Promise<unknown> => {
      const { recent_events, total_events } = await valueOf(bench.call("get_context", { session_id, ...args }));
      expect(total_events).toBe(12);
      return Array.isArray(recent_events) ? recent_events.map(({ type }) => type) : undefined;
    };
    expect(await types({})).toEqual(Array.from({ length: 10 }, (_, index) => `a${index + 3}`));
    expect(await types({ max_turns: 2 })).toEqual(["a11", "a12"]);
    expect(await types({ max_turns: 50 })).toHaveLength(12);
  });

  it.each([0, 51, 1.5, "10", null])("refuses max_turns: %j", async (max_turns) => {
    const session_id = await bench.newSession();
    expect(await faultOf(bench.call("get_context", { session_id, max_turns }))).toMatchObject({
      code: "invalid_argument",
    });
  });
});

describe("set_preference", () => {
  it("answers with all preferences and counts versions", async () => {
    const session_id = await bench.newSession();
    expect(await valueOf(bench.call("set_preference", { session_id, key: "lang", value: "de" }))).toEqual({
      session_id,
      version: 2,
      preferences: { lang: "de" },
    });
    expect(await valueOf(bench.call("set_preference", { session_id, key: "units", value: { length: "m" } }))).toEqual({
      session_id,
      version: 3,
      preferences: { lang: "de", units: { length: "m" } },
    });
  });

  it("loses none of many at once", async () => {
    const session_id = await bench.newSession();
    const keys = Array.from({ length: 30 }, (_, index) => `k${index}`);
    await Promise.all(keys.map((key) => valueOf(bench.call("set_preference", { session_id, key, value: key }))));
    const { preferences } = await valueOf(bench.call("get_context", { session_id }));
    expect(preferences).toEqual(Object.fromEntries(keys.map((key) => [key, key])));
  });

  it("takes __proto__ for a key like any other", async () => {
    const session_id = await bench.newSession();
    await valueOf(bench.call("set_preference", { session_id, key: "__proto__", value: 1 }));
    const { preferences } = await valueOf(bench.call("get_context", { session_id }));
    expect(JSON.stringify(preferences)).toBe('{"__proto__":1}');
  });

  it.each([[{ key: "k" }], [{ value: 1 }], [{ key: "", value: 1 }], [{ key: "k".repeat(129), value: 1 }]])(
    "refuses %j",
    async (args) => {
      const session_id = await bench.newSession();
      expect(await faultOf(bench.call("set_preference", { session_id, ...args }))).toMatchObject({
        code: "invalid_argument",
      });
    },
  );
});

describe("increment_counter", () => {
  it("begins at zero, adds one unless told otherwise, and goes below zero", async () => {
    const session_id = await bench.newSession();
    const add = async (args: object): Promise<unknown> =>
      valueOf(bench.call("increment_counter", { session_id, name: "n", ...args }));
    expect(await add({})).toEqual({ session_id, name: "n", value: 1 });
    expect(await add({ by: 41 })).toEqual({ session_id, name: "n", value: 42 });
    expect(await add({ by: -50 })).toEqual({ session_id, name: "n", value: -8 });
    expect(await add({ by: 0 })).toEqual({ session_id, name: "n", value: -8 });
  });

  it("counts every one of many at once", async () => {
    const session_id = await bench.newSession();
    const values = await Promise.all(
      Array.from(
        { length: 50 },
        async () => (await valueOf(bench.call("increment_counter", { session_id, name: "hot" })))["value"],
      ),
    );
    expect(new Set(values).size).toBe(50);
    expect(Math.max(...values.map(Number))).toBe(50);
  });

  it("goes to the last safe integer and not beyond it", async () => {
    const session_id = await bench.newSession();
    const add = (by: number) => bench.call("increment_counter", { session_id, name: "n", by });
    expect(await valueOf(add(Number.MAX_SAFE_INTEGER))).toMatchObject({ value: Number.MAX_SAFE_INTEGER });
    expect(await faultOf(add(1))).toMatchObject({ code: "invalid_argument" });
    expect(await valueOf(add(-1))).toMatchObject({ value: Number.MAX_SAFE_INTEGER - 1 });
  });

  it.each(["__proto__", "constructor", "with space", "ünï", "x".repeat(128), "😀".repeat(128)])(
    "can be called %s",
    async (name) => {
      const session_id = await bench.newSession();
      await valueOf(bench.call("increment_counter", { session_id, name, by: 3 }));
      const { counters } = await valueOf(bench.call("get_context", { session_id }));
      expect(JSON.stringify(counters)).toBe(`{${JSON.stringify(name)}:3}`);
    },
  );

  it.each([
    [{ by: 0.5 }],
    [{ by: 2 ** 53 }],
    [{ by: "1" }],
    [{ by: null }],
    [{ name: "" }],
    [{ name: "x".repeat(129) }],
    [{ name: "a\u0000b" }],
  ])("refuses %j", async (args) => {
    const session_id = await bench.newSession();
    expect(await faultOf(bench.call("increment_counter", { session_id, name: "n", ...args }))).toMatchObject({
      code: "invalid_argument",
      retryable: false,
    });
  });
});

describe("idempotency keys", () => {
  it("make many repeats at once count once", async () => {
    const session_id = await bench.newSession();
    const args = { session_id, name: "n", by: 5, idempotency_key: "once" };
    const answers = await Promise.all(Array.from({ length: 20 }, () => valueOf(bench.call("increment_counter", args))));
    for (const answer of answers) expect(answer).toEqual({ session_id, name: "n", value: 5 });
  });

  it("answer a repeated action with its first outcome, whatever came between", async () => {
    const session_id = await bench.newSession();
    const args = { session_id, action: "a", details: { b: 1, c: 2 }, idempotency_key: "once" };
    const first = await valueOf(bench.call("record_action", args));
    await valueOf(bench.call("record_action", { session_id, action: "between" }));
    expect(await valueOf(bench.call("record_action", { ...args, details: { c: 2, b: 1 } }))).toEqual(first);
    expect(await valueOf(bench.call("get_context", { session_id }))).toMatchObject({ total_events: 2 });
  });

  it("conflict where the arguments differ, and change nothing", async () => {
    const session_id = await bench.newSession();
    const args = { session_id, name: "n", by: 5, idempotency_key: "k" };
    await valueOf(bench.call("increment_counter", args));
    for (const other of [{ by: 6 }, { name: "m" }]) {
      expect(await faultOf(bench.call("increment_counter", { ...args, ...other }))).toMatchObject({
        code: "conflict",
        retryable: false,
      });
    }
    expect(await valueOf(bench.call("get_context", { session_id }))).toMatchObject({ counters: { n: 5 } });
  });

  it("belong to one tool and one session", async () => {
    const [one, other] = [await bench.newSession(), await bench.newSession()];
    const idempotency_key = "same";
    expect(
      await valueOf(bench.call("increment_counter", { session_id: one, name: "n", idempotency_key })),
    ).toMatchObject({ value: 1 });
    expect(
      await valueOf(bench.call("increment_counter", { session_id: other, name: "n", idempotency_key })),
    ).toMatchObject({ value: 1 });
    expect(await valueOf(bench.call("record_action", { session_id: one, action: "n", idempotency_key }))).toMatchObject(
      { position: 1 },
    );
  });
});
