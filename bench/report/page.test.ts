import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";

import type { Row } from "../lib/row.ts";
import { withFigures } from "./capacity.ts";
import { costChart, goalsChart } from "./charts.ts";
import { renderPage } from "./page.ts";
import { merge, type PartResult, type Results, readResults } from "./results.ts";
import { documents } from "./write-docs.ts";

const machine = { processor: "Some <Chip> & Co", processors: 2, memoryGib: 8, node: "20.0.0", platform: "linux-x64" };
const of = (median: number) => ({ min: median / 2, median, max: median * 2 });
const fast: Row = {
  id: "P4",
  label: "a <peer>",
  what: "calls",
  over: "a peer",
  goal: { atLeast: 1.1 },
  stretch: 1.4,
  unit: "/s",
  ours: of(3000),
  theirs: of(1000),
  value: of(3),
};
const slow: Row = {
  ...fast,
  id: "P9",
  label: "late",
  goal: { atMost: 2 },
  stretch: undefined,
  unit: "ms",
  value: of(2.5),
  ours: of(5),
  theirs: of(2),
};
const heavy: Row = {
  id: "P7",
  label: "heap",
  what: "sessions",
  over: undefined,
  goal: { atMost: 20 },
  unit: "MiB",
  ours: of(3),
  value: of(3),
};

function part(name: string, rows: readonly Row[], othersBusy: readonly [number, number] = [0, 0]): PartResult {
  return { name, measuredAt: "2026-01-02T03:04:05.678Z", machine, rounds: 7, roundMs: 2000, othersBusy, rows };
}

describe("the page on benchmarks", () => {
  const page = renderPage({ parts: [part("http", [slow, fast]), part("idle", [heavy])] });

  it("has a row for each goal, in order, with its bound and whether it was reached", () => {
    const lines = page.split("\n").filter((line) => /^\| P\d+ \| .* \|.*\|.*\|.*\|/.test(line));
    expect(lines.slice(0, 3)).toEqual([
      "| P4 | calls | a peer | 3.00 (1.50–6.00) | ≥ 1.1, stretch 1.4 | reached |",
      "| P7 | sessions | – | 3.00 (1.50–6.00) MiB | ≤ 20 MiB | reached |",
      "| P9 | calls | a peer | 2.50 (1.25–5.00) | ≤ 2 | **missed** |",
    ]);
  });

  it("says what was not measured, and on what machine the rest was", () => {
    expect(page).toContain("Not measured here: P1, P2, P3, P5, P6, P8, P10.");
    expect(page).toContain("2 processors (Some <Chip> & Co), 8 GiB, Node 20.0.0");
    expect(page).toContain("2 of 3 goals were reached");
  });

  it("says that the machine was busy, if it was", () => {
    expect(page).not.toContain("was busy");
    const mixed = renderPage({ parts: [part("http", [fast], [0.1, 1.75]), part("idle", [heavy])] });
    expect(mixed).toContain("was busy** while `http` was measured: others kept up to 1.75 processors");
  });
});

it("draws a bar for each row, marks what was missed, and escapes words", () => {
  const chart = goalsChart([fast, slow, heavy]);
  expect(chart.match(/class="ours"/g)).toHaveLength(2);
  expect(chart.match(/class="missed"/g)).toHaveLength(1);
  expect(chart).toContain("a &lt;peer&gt;");
  expect(chart).toContain('aria-label="2 of 3 goals were reached; missed: P9 late"');
});

it("draws the store's share behind the node's", () => {
  const cost = { store: "Redis", era: "2025", perSecond: of(1000), node: of(100), storeServer: of(50) } as const;
  const widths = [...costChart([cost]).matchAll(/class="(?:ours|theirs)" .* width="([\d.]+)"/g)].map(([, width]) =>
    Number(width),
  );
  expect(widths).toHaveLength(2);
  expect((widths[0] ?? 0) / (widths[1] ?? 1)).toBeCloseTo(2, 1);
});

it("replaces parts that were measured anew, and keeps the others and those whose server is missing", () => {
  const before: Results = { parts: [part("http", [slow]), part("idle", [heavy]), part("redis", [fast])] };
  const { parts } = merge(before, [part("http", [fast]), part("redis", [])], ["redis", "http", "idle"]);
  expect(parts.map(({ name }) => name)).toEqual(["redis", "http", "idle"]);
  expect(parts.map(({ rows }) => rows[0])).toEqual([fast, fast, heavy]);
});

it("is what the kept results give, page and charts alike", async () => {
  for (const [path, text] of documents(await readResults("docs/benchmarks/results.json"))) {
    expect(await readFile(`docs/${path}`, "utf8"), `docs/${path}: npm run bench -- --write`).toBe(text);
  }
});

it("has the example of the capacity page reckoned from the kept results", async () => {
  const [page, results] = [
    await readFile("docs/capacity.md", "utf8"),
    await readResults("docs/benchmarks/results.json"),
  ];
  expect(page, "docs/capacity.md: npm run bench -- --write").toBe(withFigures(page, results));
  expect(page).toMatch(/With n = \d+ and s = \d+, rounded from the table/);
  expect(() => withFigures("# Capacity", results)).toThrow("has lost the place of its figures");
});

it("does not say of a node that it is the larger half where it is not", () => {
  const costs = (["2025", "2026-07-28"] as const).flatMap((era) =>
    ["Redis", "PostgreSQL"].map((store) => ({ store, era, perSecond: of(1), node: of(50), storeServer: of(100) })),
  );
  const page =
    "<!-- Figures: written by `npm run bench -- --write`. Change bench/report/capacity.ts, not this part. -->";
  expect(() => withFigures(`${page}<!-- End of figures. -->`, { parts: [{ ...part("cost", []), costs }] })).toThrow(
    "need a new look",
  );
});
