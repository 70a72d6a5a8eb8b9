import { describe, expect, it } from "vitest";

import { commands } from "../commands/registry.ts";
import { serveCommand } from "../commands/serve-command.ts";
import { flagName } from "../settings/names.ts";
import { createTable, keysOf } from "../settings/table.ts";
import { fitted } from "./fitted.ts";
import { helpOf, overview } from "./help.ts";

const table = createTable({ platform: "linux", env: {}, home: "/home/ann" });

const pages: readonly (readonly [string, string])[] = [
  ["of the program", overview(commands)],
  ...commands.map((command) => [`of ${command.name}`, helpOf(command, table)] as const),
];

describe.each(pages)("the help %s", (_, page) => {
  it("fits a screen", () => {
    const lines = page.trimEnd().split("\n");
    expect(lines.length).toBeLessThanOrEqual(50);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(110);
  });
});

it("the help of serve has every flag, and in whole every flag explained with its default", () => {
  const short = helpOf(serveCommand, table);
  const page = helpOf(serveCommand, table, "all");
  for (const key of keysOf(table)) {
    expect(short).toContain(`  --${flagName(key)}`);
    expect(page).toMatch(new RegExp(`^  --${flagName(key)}(?: \\S+)? +${escaped(table[key].help)}`, "m"));
  }
  expect(short).toContain("holdfast serve --help all explains each flag");
  for (const text of [short, page]) expect(text).toContain("--store-file, --seal-keys-file, --metrics-token-file");
  expect(page).toMatch(/--port N +Port; 0 picks a free one \(3000\)/);
  expect(page).toMatch(/--session-idle TIME .*\(1d\)/);
  expect(page).toContain("sqlite:/home/ann/.local/share/holdfast/state.db");
});

it.each([80, 60])("every page fits a terminal of %d columns", (width) => {
  const all: readonly string[] = [...pages.map(([, page]) => page), helpOf(serveCommand, table, "all")];
  for (const page of all) {
    const lines = fitted(page, width).split("\n");
    // What is one word has no place to be broken at.
    for (const line of lines) if (line.length > width) expect(line.trim()).not.toContain(" ");
    expect(fitted(page, width).replaceAll(/\s+/g, " ")).toBe(page.replaceAll(/\s+/g, " "));
  }
  expect(fitted("  --port N    Port; 0 picks a free one", 30)).toBe(
    "  --port N    Port; 0 picks a\n              free one",
  );
});

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

describe.each(commands.map((command) => [command.name, command] as const))("the page of %s", (name, command) => {
  it("has its usage, each of its flags and arguments, its examples and its exit codes", () => {
    const page = helpOf(command, table);
    expect(page).toContain(`Usage: holdfast ${name}`);
    for (const flag of command.flags) expect(page).toContain(`  --${flag.name}`);
    for (const argument of command.arguments) expect(page).toContain(`  ${argument.name}`);
    expect(command.examples.length).toBeGreaterThan(0);
    for (const [line, what] of command.examples) {
      expect(page).toMatch(new RegExp(`^  ${escaped(line)}(?:\\n {6}| {2,})${escaped(what)}$`, "m"));
    }
    for (const [code, meaning] of command.exits) expect(page).toMatch(new RegExp(`^  ${code} +${meaning}$`, "m"));
  });

  it("names no flag that a setting has too", () => {
    const settings = keysOf(table).map(flagName);
    expect(command.flags.map((flag) => flag.name).filter((flag) => settings.includes(flag))).toEqual([]);
  });
});
