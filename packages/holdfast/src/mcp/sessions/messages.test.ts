import { isJSONRPCRequest } from "@modelcontextprotocol/server";
import { describe, expect, it } from "vitest";

import { readMessage } from "./messages.ts";

const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "x" } };

describe("a message", () => {
  it.each([
    ["a request", call, "request"],
    ["a request without params", { jsonrpc: "2.0", id: "a", method: "ping" }, "request"],
    ["a notification", { jsonrpc: "2.0", method: "notifications/initialized" }, "notification"],
    ["a result", { jsonrpc: "2.0", id: 1, result: {} }, "response"],
    ["an error", { jsonrpc: "2.0", id: 1, error: { code: -1, message: "no" } }, "response"],
  ])("is told to be %s", (_, value, type) => {
    expect(readMessage(value)).toEqual({ type, message: value });
  });

  it.each([
    ["null", null],
    ["a string", "ping"],
    ["an array", [call]],
    ["another version", { ...call, jsonrpc: "1.0" }],
    ["a null id", { ...call, id: null }],
    ["a fractional id", { ...call, id: 1.5 }],
    ["an extra member", { ...call, extra: 1 }],
    ["a result beside a method", { ...call, result: {} }],
    ["params that are an array", { ...call, params: [] }],
    ["a _meta that is null", { ...call, params: { _meta: null } }],
    ["a _meta that is a number", { ...call, params: { _meta: 5 } }],
    ["a progress token that is an object", { ...call, params: { _meta: { progressToken: {} } } }],
    ["a progress token that is a fraction", { ...call, params: { _meta: { progressToken: 1.5 } } }],
  ])("is refused rather than never answered: %s", (_, value) => {
    expect(isJSONRPCRequest(value)).toBe(false);
    expect(readMessage(value)).toBeUndefined();
  });
});
