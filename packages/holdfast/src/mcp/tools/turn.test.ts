import { describe, expect, it } from "vitest";
import { keptTurn, sessionNamedIn, type TurnPolicy, turnOf } from "./turn.ts";

const call = {
  id: "c1",
  tool: "t",
  input: { a: 1 },
  result: { content: [] },
  secret: false,
  startedAt: 1_000,
  durationMs: 1.23456,
};

describe("sessionNamedIn", () => {
  it("takes for a handle what could be one, under its own name only", () => {
    const named = (session: unknown): string | undefined => sessionNamedIn({ session }, "session");
    expect(named("ses_1")).toBe("ses_1");
    for (const none of ["", "no handle", "x".repeat(1_000), 1, null, {}]) expect(named(none)).toBeUndefined();
    expect(sessionNamedIn({ session: "ses_1" }, "toString")).toBeUndefined();
    expect(sessionNamedIn({ session: "ses_1" }, undefined)).toBeUndefined();
    for (const input of [null, "ses_1", undefined]) expect(sessionNamedIn(input, "session")).toBeUndefined();
  });
});

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

describe("keptTurn", () => {
  const policy: TurnPolicy = { node: "n1", except: new Set(["secret"]), redact: undefined, session: undefined };
  const failed: unknown[] = [];
  const kept = (more: Partial<TurnPolicy>, given = call) =>
    keptTurn(given, { ...policy, ...more }, (error) => failed.push(error));

  it("says on which node a call ran, and which it was", () => {
    expect(kept({})).toEqual({ ...turnOf(call), node: "n1", call: "c1" });
  });

  it("keeps none of the tools it is told to leave out", () => {
    expect(kept({}, { ...call, tool: "secret" })).toBeUndefined();
  });

  it("keeps what is left after redaction: input and preview, and nothing else is changed by it", () => {
    const redacted = kept({
      redact: (turn) => {
        (turn.input as { a: unknown }).a = "***";
        return { ...turn, outputPreview: "hidden", tool: "other", ok: false };
      },
    });
    expect(redacted).toEqual({ ...turnOf(call), input: { a: "***" }, outputPreview: "hidden", node: "n1", call: "c1" });
    expect(call.input).toEqual({ a: 1 });
    expect(kept({ redact: () => undefined })).toBeUndefined();
  });

  it("keeps nothing where redaction fails, and tells", () => {
    const redact = () => {
      throw new Error("no");
    };
    expect(kept({ redact })).toBeUndefined();
    expect(failed).toHaveLength(1);
  });
});
