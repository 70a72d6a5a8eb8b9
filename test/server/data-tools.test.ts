import { describe, expect, it } from "vitest";

import { faultOf, valueOf } from "../clients/caller.ts";
import { oddValues, toolBench } from "./tool-bench.ts";

const bench = toolBench();

describe("session data", () => {
  it("is set, read, listed and deleted in exact shapes", async () => {
    const session_id = await bench.newSession();
    expect(await valueOf(bench.call("list_session_keys", { session_id }))).toEqual({ session_id, keys: [] });
    expect(await valueOf(bench.call("set_session_data", { session_id, key: "b", value: [1] }))).toEqual({
      session_id,
      key: "b",
      value: [1],
      version: 2,
    });
    await valueOf(bench.call("set_session_data", { session_id, key: "a", value: null }));
    expect(await valueOf(bench.call("get_session_data", { session_id, key: "a" }))).toEqual({
      session_id,
      key: "a",
      value: null,
      version: 3,
    });
    expect(await valueOf(bench.call("list_session_keys", { session_id }))).toEqual({ session_id, keys: ["a", "b"] });
    expect(await valueOf(bench.call("delete_session_data", { session_id, key: "a" }))).toEqual({
      session_id,
      key: "a",
      deleted: true,
    });
    expect(await valueOf(bench.call("delete_session_data", { session_id, key: "a" }))).toEqual({
      session_id,
      key: "a",
      deleted: false,
    });
    expect(await valueOf(bench.call("list_session_keys", { session_id }))).toEqual({ session_id, keys: ["b"] });
  });

  it("that is missing is not_found and says where to look", async () => {
    const session_id = await bench.newSession();
    const fault = await faultOf(bench.call("get_session_data", { session_id, key: "nope" }));
    expect(fault).toMatchObject({
      code: "not_found",
      retryable: false,
      message: expect.stringContaining("list_session_keys"),
    });
  });

  it.each(oddValues)("can be %s", async (_, value) => {
    const session_id = await bench.newSession();
    expect(await valueOf(bench.call("set_session_data", { session_id, key: "k", value }))).toMatchObject({ value });
    const read = await valueOf(bench.call("get_session_data", { session_id, key: "k" }));
    expect(JSON.stringify(read["value"])).toBe(JSON.stringify(value));
  });

  it.each([
    "__proto__",
    "constructor",
    "hasOwnProperty",
    " ",
    "a\u0000b",
    "\ud800",
    "ключ",
    "k".repeat(128),
    "😀".repeat(128),
  ])("can lie under %j", async (key) => {
    const session_id = await bench.newSession();
    expect(await faultOf(bench.call("get_session_data", { session_id, key }))).toMatchObject({ code: "not_found" });
    await valueOf(bench.call("set_session_data", { session_id, key, value: 1 }));
    expect(await valueOf(bench.call("get_session_data", { session_id, key }))).toMatchObject({ value: 1 });
    expect(await valueOf(bench.call("list_session_keys", { session_id }))).toMatchObject({ keys: [key] });
    expect(await valueOf(bench.call("delete_session_data", { session_id, key }))).toMatchObject({ deleted: true });
  });

  it("must be there: null is a value, nothing is not", async () => {
    const session_id = await bench.newSession();
    expect(await faultOf(bench.call("set_session_data", { session_id, key: "k" }))).toMatchObject({
      code: "invalid_argument",
    });
    expect(await valueOf(bench.call("set_session_data", { session_id, key: "k", value: null }))).toMatchObject({
      value: null,
    });
  });

  it("beyond a mebibyte is refused and leaves what was there", async () => {
    const session_id = await bench.newSession();
    await valueOf(bench.call("set_session_data", { session_id, key: "k", value: "kept" }));
    const fault = await faultOf(bench.call("set_session_data", { session_id, key: "k", value: "x".repeat(1_100_000) }));
    expect(fault).toMatchObject({ code: "invalid_argument", retryable: false });
    expect(await valueOf(bench.call("get_session_data", { session_id, key: "k" }))).toMatchObject({
      value: "kept",
      version: 2,
    });
  });
});
