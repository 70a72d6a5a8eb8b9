import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";

import { environmentName, flagName } from "./names.ts";
import { shown } from "./show.ts";
import { createTable, keysOf, type SettingKey, type Table } from "./table.ts";

const readme = new URL("../../README.md", import.meta.url);
const table = createTable({ platform: "linux", env: {}, home: "~" });

// UPDATE_README=1 rewrites the table instead of comparing it.
it("the README's table of settings is the table of settings", () => {
  const text = readFileSync(readme, "utf8");
  const [before = "", after = ""] = text.split(/(?<=\|---\|---\|---\|---\|\n)(?:\| `--.*\n|<!-- settings -->\n)*/);
  const written =
    before +
    keysOf(table)
      .map((key) => row(table, key))
      .join("") +
    after;
  if (process.env["UPDATE_README"] === "1") writeFileSync(readme, written);
  else expect(text).toBe(written);
});

function row(settings: Table, key: SettingKey): string {
  const { help, default: value } = settings[key];
  const text = shown(settings, key, value);
  const cell = text === undefined ? "" : `\`${text.toString()}\``;
  return `| \`--${flagName(key)}\` | \`${environmentName(key)}\` | ${cell} | ${help} |\n`;
}
