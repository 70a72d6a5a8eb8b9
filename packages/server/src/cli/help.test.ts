import { describe, expect, it } from "vitest";

import { flagName } from "../settings/names.ts";
import { createTable, keysOf } from "../settings/table.ts";
import { overview, serveHelp } from "./help.ts";

const table = createTable({ platform: "linux", env: {}, home: "/home/ann" });

describe.each([
  ["of the program", overview(new Map([["serve", "serve it"]]))],
  ["of serve", serveHelp(table)],
])("the help %s", (_, page) => {
  it("fits a screen", () => {
    const lines = page.trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(45);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
  });
});

it("the help of serve has every flag with its default", () => {
  const page = serveHelp(table);
  for (const key of keysOf(table)) expect(page).toContain(`  --${flagName(key)}`);
  expect(page).toMatch(/--port N +Port; 0 picks a free one \(3000\)/);
  expect(page).toMatch(/--session-idle TIME .*\(1d\)/);
  expect(page).toContain("sqlite:/home/ann/.local/share/holdfast/state.db");
});
