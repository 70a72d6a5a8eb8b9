import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";

import { processMetrics } from "./process-metrics.ts";

const page = new URL("../../../../docs/metrics.md", import.meta.url);
const [opening, closing] = ["<!-- process metrics -->\n", "<!-- end of process metrics -->\n"];

// UPDATE_DOCS=1 rewrites the table instead of comparing it.
it("the table of the process in docs/metrics.md is the table of its metrics", () => {
  const text = readFileSync(page, "utf8");
  const [before = "", rest = ""] = text.split(opening);
  const [, after = ""] = rest.split(closing);
  const rows = processMetrics.map(({ name, unit, attributes, help }) => {
    const quoted = attributes.map((attribute) => `\`${attribute}\``).join(", ");
    return `| \`${name}\` | gauge | ${unit} | ${quoted} | ${help} |\n`;
  });
  const table = `| metric | type | unit | attributes | what |\n|---|---|---|---|---|\n${rows.join("")}`;
  const written = `${before}${opening}${table}${closing}${after}`;
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(page, written);
  else expect(text).toBe(written);
});
