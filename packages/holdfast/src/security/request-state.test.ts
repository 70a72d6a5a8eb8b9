import { afterEach, describe, expect, it, vi } from "vitest";

import { HoldfastError } from "../record/errors.ts";
import { invalidStateText, type RequestStateBinding, requestStateCodec } from "./request-state.ts";

const [oldKey, newKey] = ["o".repeat(32), "n".repeat(32)];
const alice = { issuer: "https://id.example", subject: "alice" };
const params = { name: "order", arguments: { basket: "b", count: 2 } };
const binding: RequestStateBinding = { principal: alice, method: "tools/call", params };
const codec = requestStateCodec({ keys: [oldKey] });

function expectInvalid(open: () => unknown): void {
  expect(open).toThrow(new HoldfastError("INVALID_ARGUMENT", invalidStateText));
}

afterEach(() => void vi.useRealTimers());

describe("a sealed state", () => {
  it("opens where it belongs, as it was, whatever the order of members", () => {
    const value = { total: 12, lines: ["ä", null], __proto__: undefined };
    const sealed = codec.seal(value, binding);
    const turned = { arguments: { count: 2, basket: "b" }, name: "order" };
    expect(codec.open(sealed, { ...binding, params: turned })).toMatchObject({
      value: { total: 12, lines: ["ä", null] },
    });
  });

  it("shows nothing of what is in it, and is never the same twice", () => {
    const [first, second] = [codec.seal("secret", binding), codec.seal("secret", binding)];
    expect(first).not.toBe(second);
    expect(Buffer.from(first.split(".")[2] ?? "", "base64url").toString("latin1")).not.toContain("secret");
    expect(codec.open(first, binding).id).not.toBe(codec.open(second, binding).id);
  });

  it.each<[string, RequestStateBinding]>([
    ["principal", { ...binding, principal: { ...alice, subject: "bob" } }],
    ["issuer", { ...binding, principal: { ...alice, issuer: "https://other.example" } }],
    ["method", { ...binding, method: "prompts/get" }],
    ["tool", { ...binding, params: { ...params, name: "cancel" } }],
    ["argument", { ...binding, params: { ...params, arguments: { basket: "b", count: 3 } } }],
    ["type of an argument", { ...binding, params: { ...params, arguments: { basket: "b", count: "2" } } }],
    ["set of arguments", { ...binding, params: { ...params, arguments: { basket: "b" } } }],
  ])("does not open for another %s", (_what, other) => {
    const sealed = codec.seal(1, binding);
    expectInvalid(() => codec.open(sealed, other));
  });

  it("does not open for a list in the place of an object, however alike they are", () => {
    const asked = (order: unknown): RequestStateBinding => ({
      ...binding,
      params: { name: "order", arguments: { order } },
    });
    for (const [one, other] of [
      [{ pay: 1 }, [["pay", 1]]],
      [{}, []],
    ]) {
      expectInvalid(() => codec.open(codec.seal(1, asked(one)), asked(other)));
      expectInvalid(() => codec.open(codec.seal(1, asked(other)), asked(one)));
    }
  });

  it("does not open once any one character of it is changed, cut or added", () => {
    const sealed = codec.seal({ a: 1 }, binding);
    for (let at = 0; at < sealed.length; at += 1) {
      const other = sealed[at] === "A" ? "B" : "A";
      expectInvalid(() => codec.open(sealed.slice(0, at) + other + sealed.slice(at + 1), binding));
      expectInvalid(() => codec.open(sealed.slice(0, at), binding));
    }
    for (const wrong of [`${sealed}A`, `${sealed}.`, ` ${sealed}`, `${sealed}=`]) {
      expectInvalid(() => codec.open(wrong, binding));
    }
  });

  it("does not open when its time is over", () => {
    vi.useFakeTimers();
    const short = requestStateCodec({ keys: [oldKey], ttlMs: 1_000 });
    const sealed = short.seal(1, binding);
    vi.advanceTimersByTime(999);
    expect(short.open(sealed, binding).value).toBe(1);
    vi.advanceTimersByTime(1);
    expectInvalid(() => short.open(sealed, binding));
  });
});

describe("keys", () => {
  it("change while states are out: the first seals, all open, and one that is gone opens nothing", () => {
    const both = requestStateCodec({ keys: [newKey, oldKey] });
    const after = requestStateCodec({ keys: [newKey] });
    const before = codec.seal(1, binding);
    expect(both.open(before, binding).value).toBe(1);
    expect(after.open(both.seal(2, binding), binding).value).toBe(2);
    expectInvalid(() => after.open(before, binding));
    expectInvalid(() => codec.open(both.seal(2, binding), binding));
  });

  it("are refused where there is none or one is short", () => {
    expect(() => requestStateCodec({ keys: [] })).toThrow(/at least one key/);
    expect(() => requestStateCodec({ keys: [oldKey, "short"] })).toThrow(/at least 32 bytes/);
  });
});
