import { expect, it } from "vitest";

import { errorCodes, HoldfastError, isHoldfastError } from "./errors.ts";

it("carries code, details, cause and whether repeating may help", () => {
  const cause = new Error("the wire broke");
  const error = new HoldfastError("UNAVAILABLE", "the store is away", { cause, details: { after: 3 } });
  expect(error).toMatchObject({ name: "HoldfastError", code: "UNAVAILABLE", retryable: true, details: { after: 3 } });
  expect(error.cause).toBe(cause);
  expect(error).toBeInstanceOf(Error);
  expect("cause" in new HoldfastError("CLOSED", "closed")).toBe(false);
});

it("says of just three codes that the same call may succeed", () => {
  const retryable = errorCodes.filter((code) => new HoldfastError(code, "").retryable);
  expect(retryable).toEqual(["CONTENTION", "OUTCOME_UNKNOWN", "UNAVAILABLE"]);
});

it("is told from other errors, by code if asked", () => {
  const error = new HoldfastError("CONFLICT", "");
  expect([isHoldfastError(error), isHoldfastError(error, "CONFLICT"), isHoldfastError(error, "CLOSED")]).toEqual([
    true,
    true,
    false,
  ]);
  expect([
    isHoldfastError(new Error("CONFLICT")),
    isHoldfastError({ code: "CONFLICT" }),
    isHoldfastError(undefined),
  ]).toEqual([false, false, false]);
});
