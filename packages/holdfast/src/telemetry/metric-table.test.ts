import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";

import { type MetricName, type MetricRow, metricTable } from "./metric-table.ts";

const page = new URL("../../../../docs/metrics.md", import.meta.url);
const [opening, closing] = ["<!-- metrics -->\n", "<!-- end of metrics -->\n"];

// UPDATE_DOCS=1 rewrites the table instead of comparing it.
it("the table in docs/metrics.md is the table of metrics", () => {
  const text = readFileSync(page, "utf8");
  const [before = "", rest = ""] = text.split(opening);
  const [, after = ""] = rest.split(closing);
  const names = Object.keys(metricTable) as MetricName[];
  const rows = names.map((name) => row(name, metricTable[name])).join("");
  const written = `${before}${opening}| metric | type | unit | attributes | what |\n|---|---|---|---|---|\n${rows}${closing}${after}`;
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(page, written);
  else expect(text).toBe(written);
});

function row(name: string, { type, unit, attributes, help }: MetricRow): string {
  const quoted = attributes.map((attribute) => `\`${attribute}\``).join(", ");
  return `| \`${name}\` | ${type} | ${unit} | ${quoted} | ${help} |\n`;
}
