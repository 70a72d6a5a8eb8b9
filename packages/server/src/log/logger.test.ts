import { HoldfastError } from "holdfast";
import { describe, expect, it } from "vitest";
import * as z from "zod";

import { describeError } from "./logger.ts";
import { hashedId, scrub } from "./scrub.ts";

const handle = "ses_AAAAAAAAAAAAAAAAAAAAAA";

describe("a log line", () => {
  it("shows a digest where an id stood, the same each time", () => {
    expect(scrub(`${handle} and ${handle}`)).toBe(`ses#${hashedId(handle)} and ses#${hashedId(handle)}`);
  });

  it("swallows the secret after a handle, and matches the handle alone", () => {
    expect(scrub(`gone: ${handle}.${"s".repeat(43)}!`)).toBe(`gone: ses#${hashedId(handle)}!`);
  });

  it("leaves ordinary words alone", () => {
    const text = "ERR_SQLITE_ERROR: max_sessions_per_principal_reached";
    expect(scrub("ERR_SQLITE_ERROR: disk I/O error")).toBe("ERR_SQLITE_ERROR: disk I/O error");
    expect(scrub(text)).toContain("ERR_SQLITE_ERROR");
  });

  it("describes an error by name, code and cause, without what a parser quotes", () => {
    let cause: unknown;
    try {
      JSON.parse('{"password": "hunter2');
    } catch (error) {
      cause = error;
    }
    const described = describeError(new HoldfastError("STORE_CORRUPT", `record ${handle} is broken`, { cause }));
    expect(described).toMatchObject({ name: "HoldfastError", code: "STORE_CORRUPT", cause: { name: "SyntaxError" } });
    expect(JSON.stringify(described)).not.toContain("hunter2");
    expect(JSON.stringify(described)).not.toContain(handle);
  });

  it("does not repeat what a schema found in the message of a client", () => {
    const { error } = z.strictObject({}).safeParse({ hunter2: 1 });
    expect(describeError(error)).toMatchObject({ name: "ZodError" });
    expect(JSON.stringify(describeError(error))).not.toContain("hunter2");
  });

  it("describes what is no error", () => {
    expect(describeError(undefined)).toEqual({ message: "undefined" });
  });
});
