import { describe, expect, it } from "vitest";

import { environmentName, flagName, nearest, resultName } from "./names.ts";
import { createTable, keysOf } from "./table.ts";

describe("names of a setting", () => {
  it("follow from its key", () => {
    const key = "maxStreamsPerPrincipal";
    expect([flagName(key), environmentName(key), resultName(key)]).toEqual([
      "max-streams-per-principal",
      "HOLDFAST_MAX_STREAMS_PER_PRINCIPAL",
      "max_streams_per_principal",
    ]);
  });

  it("are unique among the settings", () => {
    const names = keysOf(createTable({ platform: "linux", env: {}, home: "/h" })).map(flagName);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("the nearest name", () => {
  const known = ["port", "path", "store", "max-sessions"];
  it.each([
    ["prot", "port"],
    ["pth", "path"],
    ["maxsessions", "max-sessions"],
    ["Store", "store"],
  ])("of %s is %s", (given, meant) => expect(nearest(given, known)).toBe(meant));

  it("is none where nothing is near", () => expect(nearest("frobnicate", known)).toBeUndefined());
  it("is found at once in a very long word", () => expect(nearest("x".repeat(1_000_000), known)).toBeUndefined());
});
