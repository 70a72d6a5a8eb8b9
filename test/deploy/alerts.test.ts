/** The alerts and the dashboard in deploy/: the rules do what they say, and nothing asks for a metric that is not there. */
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod";

import { promtool } from "../lib/servers/promtool.ts";
import { documented } from "../metrics/table.ts";

const deploy = fileURLToPath(new URL("../../deploy/", import.meta.url));
const rulesFile = `${deploy}prometheus/holdfast.rules.yml`;

const Rules = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          expr: z.string(),
          record: z.string().optional(),
          alert: z.string().optional(),
          annotations: z.record(z.string(), z.string()).optional(),
        }),
      ),
    }),
  ),
});
const Panel = z.object({
  title: z.string(),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  targets: z.array(z.object({ expr: z.string() })).optional(),
});
const Dashboard = z.object({
  panels: z.array(Panel),
  templating: z.object({
    list: z.array(z.object({ query: z.union([z.string(), z.object({ query: z.string() })]) })),
  }),
});

/** What `holdfast probe --textfile` writes; test/commands/probe.test.ts sees that it does. */
const probe = /^holdfast_probe_(success|duration_seconds|last_run_timestamp_seconds)$/;

type Rule = z.infer<typeof Rules>["groups"][number]["rules"][number];
let rules: readonly Rule[];
let known: ReadonlySet<string>;

beforeAll(async () => {
  rules = Rules.parse(parse(await readFile(rulesFile, "utf8"))).groups.flatMap((group) => group.rules);
  const recorded = rules.flatMap(({ record }) => record ?? []);
  known = new Set([...recorded, ...(await documented()).flatMap(({ series }) => series)]);
});

/** The names of metrics in a query: what is left of words once labels, strings, functions and keywords are gone. */
function metricsIn(expr: string): readonly string[] {
  const bare = expr
    .replaceAll(/"[^"]*"/g, "")
    .replaceAll(/\{[^}]*\}/g, "")
    .replaceAll(/\[[^\]]*\]/g, "")
    .replaceAll(/\b(by|on|without|ignoring)\s*\([^)]*\)/g, "");
  const words = bare.match(/[a-zA-Z_:][a-zA-Z0-9_:]*(?!\w|\s*\()/g) ?? [];
  return words.filter((word) => !["and", "or", "unless", "job", "instance", "bool"].includes(word));
}

function unknownIn(expr: string): readonly string[] {
  return metricsIn(expr).filter((name) => !known.has(name) && !probe.test(name));
}

describe("the alerts", () => {
  it("are what Prometheus takes", () => {
    expect(execFileSync(promtool(), ["check", "rules", rulesFile], { encoding: "utf8" })).toContain("SUCCESS");
  });

  it("fire when they should and are silent when they should be", () => {
    const ran = execFileSync(promtool(), ["test", "rules", `${deploy}prometheus/holdfast.test.yml`], {
      encoding: "utf8",
    });
    expect(ran).toContain("SUCCESS");
  });

  it("are each tested there", async () => {
    const tests = await readFile(`${deploy}prometheus/holdfast.test.yml`, "utf8");
    const untested = rules.flatMap(({ alert }) => (alert === undefined || tests.includes(alert) ? [] : [alert]));
    expect(untested).toEqual([]);
    expect(rules.filter(({ alert }) => alert !== undefined).length).toBeGreaterThanOrEqual(6);
  });

  it("ask for metrics that there are", () => {
    const asked = rules.flatMap(({ expr }) => metricsIn(expr));
    expect(asked.length).toBeGreaterThan(10);
    expect(rules.flatMap(({ expr }) => unknownIn(expr))).toEqual([]);
  });

  it("lead to a section that says what to do", async () => {
    const page = await readFile(new URL("../../docs/operations.md", import.meta.url), "utf8");
    const anchors = [...page.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
      title
        .toLowerCase()
        .replaceAll(/[^a-z0-9 -]/g, "")
        .replaceAll(" ", "-"),
    );
    for (const { alert, annotations } of rules) {
      if (alert === undefined) continue;
      const [file, anchor] = (annotations?.["runbook"] ?? "").split("#");
      expect([alert, file]).toEqual([alert, "docs/operations.md"]);
      expect(anchors).toContain(anchor);
    }
  });
});

describe("the dashboard", () => {
  it("asks for metrics that there are, in every panel and variable", async () => {
    const { panels, templating } = Dashboard.parse(
      JSON.parse(await readFile(`${deploy}grafana/holdfast.json`, "utf8")),
    );
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    expect(queries.length).toBeGreaterThan(30);
    for (const expr of queries) expect([expr, metricsIn(expr).length > 0, unknownIn(expr)]).toEqual([expr, true, []]);
    const variables = templating.list.flatMap(({ query }) => {
      const text = typeof query === "string" ? query : query.query;
      const [, name] = /^label_values\(([a-z_]+)/.exec(text) ?? [];
      return name ?? [];
    });
    expect(variables.length).toBe(2);
    expect(variables.filter((name) => !known.has(name))).toEqual([]);
  });

  it("shows every metric of the table", async () => {
    const text = await readFile(`${deploy}grafana/holdfast.json`, "utf8");
    const shown = (await documented()).filter(({ series }) => series.some((name) => text.includes(name)));
    const missing = (await documented()).filter((metric) => !shown.some(({ name }) => name === metric.name));
    expect(missing.map(({ name }) => name)).toEqual(["holdfast.updates", "nodejs.eventloop.delay.p50"]);
  });

  it("has panels that do not lie on each other", async () => {
    const { panels } = Dashboard.parse(JSON.parse(await readFile(`${deploy}grafana/holdfast.json`, "utf8")));
    const taken = new Set<string>();
    for (const { gridPos, title } of panels) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect([title, taken.has(`${x},${y}`)]).toEqual([title, false]);
          taken.add(`${x},${y}`);
        }
      }
    }
  });
});
