import { describe, expect, it } from "vitest";

import { commands } from "../commands/registry.ts";
import { serveCommand } from "../commands/serve-command.ts";
import { flagName } from "../settings/names.ts";
import { createTable, keysOf } from "../settings/table.ts";
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

it("the help of serve has every flag with its default", () => {
  const page = helpOf(serveCommand, table);
  for (const key of keysOf(table)) expect(page).toContain(`  --${flagName(key)}`);
  expect(page).toMatch(/--port N +Port; 0 picks a free one \(3000\)/);
  expect(page).toMatch(/--session-idle TIME \(1d\)/);
  expect(page).toMatch(/--max-calls-per-minute N \(none\)/);
  expect(page).toContain("sqlite:/home/ann/.local/share/holdfast/state.db");
});

describe.each(commands.map((command) => [command.name, command] as const))("the page of %s", (name, command) => {
  it("has its usage, each of its flags and arguments, its examples and its exit codes", () => {
    const page = helpOf(command, table);
    expect(page).toContain(`Usage: holdfast ${name}`);
    for (const flag of command.flags) expect(page).toContain(`  --${flag.name}`);
    for (const argument of command.arguments) expect(page).toContain(`  ${argument.name}`);
    for (const [line, what] of command.examples) expect(page).toContain(`  ${line}\n      ${what}`);
    for (const [code, meaning] of command.exits) expect(page).toMatch(new RegExp(`^  ${code} +${meaning}$`, "m"));
  });

  it("names no flag that a setting has too", () => {
    const settings = keysOf(table).map(flagName);
    expect(command.flags.map((flag) => flag.name).filter((flag) => settings.includes(flag))).toEqual([]);
  });
});
