import { describe, expect, it } from "vitest";
import { turnOf } from "./turn.ts";

const call = { id: "c1", tool: "t", input: { a: 1 }, result: { content: [] }, startedAt: 1_000, durationMs: 1.23456 };

describe("turnOf", () => {
  it("keeps what a later reader wants to know", () => {
    const result = { content: [{ type: "text" as const, text: "hello" }] };
    expect(turnOf({ ...call, result })).toEqual({
      tool: "t",
      input: { a: 1 },
      outputPreview: "hello",
      at: new Date(1_000),
      durationMs: 1.235,
      ok: true,
    });
    expect(turnOf({ ...call, result: { ...result, isError: true } }).ok).toBe(false);
  });

  it("survives what is no result", () => {
    const result = undefined as unknown as { content: [] };
    expect(turnOf({ ...call, result })).toMatchObject({ outputPreview: "", ok: false });
  });

  it("previews structured content where there is no text", () => {
    expect(turnOf({ ...call, result: { content: [], structuredContent: { a: 1 } } }).outputPreview).toBe('{"a":1}');
    expect(turnOf(call).outputPreview).toBe("");
  });
});
