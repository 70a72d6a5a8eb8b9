import { expect, test } from "vitest";

import type { Turn } from "../types.ts";
import { parseTurn, turnText } from "./turn-text.ts";

const turn: Turn = { tool: "t", input: {}, outputPreview: "", at: new Date(1_000), durationMs: 1.5, ok: true };

function kept(more: Partial<Turn>): Turn {
  const text = turnText({ ...turn, ...more });
  if (text === undefined) throw new Error("the turn was not kept");
  return parseTurn(text);
}

test("a turn is read as it was recorded, whatever its members are called", () => {
  const input: unknown = JSON.parse('{"__proto__":{"a":1},"truncated":true}');
  expect(kept({ input, outputPreview: "out\u0000\ud800" })).toEqual({
    ...turn,
    input,
    outputPreview: "out\u0000\ud800",
  });
});

test("a preview has at most 200 characters and never half of one", () => {
  expect(kept({ outputPreview: `${"x".repeat(199)}🧺🧺` }).outputPreview).toBe("x".repeat(199));
  expect(kept({ outputPreview: `${"x".repeat(198)}🧺🧺` }).outputPreview).toBe(`${"x".repeat(198)}🧺`);
  expect(kept({ outputPreview: "y".repeat(300) }).outputPreview).toHaveLength(200);
  expect(kept({ outputPreview: "y".repeat(200) }).outputPreview).toHaveLength(200);
});

test("a large input leaves its beginning and its size, not a second copy", () => {
  const input = { text: "z".repeat(1_000_000) };
  expect(kept({ input }).input).toEqual({
    truncated: JSON.stringify(input).slice(0, 200),
    characters: JSON.stringify(input).length,
  });
  expect(kept({ input: "z".repeat(4_094) }).input).toBe("z".repeat(4_094));
  expect(kept({ input: "z".repeat(4_095) }).input).toMatchObject({ characters: 4_097 });
});

test("an input that is no JSON costs the input, not the turn", () => {
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  let asked = 0;
  const moody = {
    toJSON: () => {
      if (++asked > 1) throw new Error("not twice");
      return "once";
    },
  };
  for (const input of [cycle, { n: 1n }, undefined, () => 1]) expect(kept({ input }).input).toBeNull();
  expect(kept({ input: moody }).input).toBe("once");
});

test("a turn without a time is not kept", () => {
  expect(turnText({ ...turn, at: new Date(Number.NaN) })).toBeUndefined();
});
