import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { bytes, duration, type Row } from "./row.ts";

const about = { default: 0, min: 0, max: Number.MAX_SAFE_INTEGER, group: "Limits", help: "" } as const;

describe.each([
  ["durations", duration(about)],
  ["sizes", bytes(about)],
])("%s", (_, row: Row<number>) => {
  it("are read back as they are shown", () => {
    fc.assert(fc.property(fc.nat(10 ** 12), (value) => row.read(String(row.show(value))) === value));
  });

  it("are plain numbers of the smallest unit too", () => {
    expect(row.read("1500")).toBe(1500);
  });

  it.each(["", " 1", "1.5s", "-1", "s", "1 s", "0x10", "1e3", "٣"])("are not %j", (given) => {
    expect(() => row.read(given)).toThrow(/such as|between/);
  });
});
