/** The example of `docs/capacity.md`, reckoned from the costs that were measured, so that the page says what they say. */
import type { Cost } from "../lib/cost.ts";
import { costsOf } from "./page.ts";
import type { Results } from "./results.ts";

const begins =
  "<!-- Figures: written by `npm run bench -- --write`. Change bench/report/capacity.ts, not this part. -->";
const ends = "<!-- End of figures. -->";

/** How busy a core may be: u of the page. */
const bearable = 0.6;
const [few, many] = [2_000, 10_000] as const;

/** The page with the figures of these results. Throws where it has no place for them, or its words would not be true. */
export function withFigures(page: string, results: Results): string {
  const [from, to] = [page.indexOf(begins), page.indexOf(ends)];
  if (from < 0 || to < from) throw new Error("docs/capacity.md has lost the place of its figures");
  return `${page.slice(0, from + begins.length)}\n\n${figures(costsOf(results))}\n\n${page.slice(to)}`;
}

function figures(costs: readonly Cost[]): string {
  const redis = costOf(costs, "Redis", "2025");
  const postgres = costOf(costs, "PostgreSQL", "2025");
  const modern = costOf(costs, "Redis", "2026-07-28");
  const { n, s } = redis;
  if (n <= s || modern.n <= n || modern.s > s * 1.1) throw new Error("the words of the capacity page need a new look");
  const nodes = (calls: number): string => counted(Math.ceil((calls * n) / (bearable * 1e6)), "node");
  const busy = (calls: number): string => `${Math.round((calls * s) / 1e4)} %`;
  const primaries = Math.ceil((many * s) / (bearable * 1e6));
  const cluster = primaries > 1 ? `, so a cluster of ${primaries} primaries has to take its place` : "";
  return [
    `**An example.** ${number(few)} calls a second in 2025-era sessions on Redis. With n = ${n} and s = ${s}, rounded from the table: ${number(few)} · ${n} / 600,000 = ${((few * n) / 6e5).toFixed(2)},`,
    `so ${nodes(few)}, and one more; Redis is busy for ${busy(few)} of the time. At ${number(many)} a second: ${nodes(many)} and one more; Redis is busy for ${busy(many)} of the time, of the ${bearable * 100} % that`,
    `u allows${cluster}. On PostgreSQL with s = ${postgres.s}: ${((many * postgres.s) / 6e5).toFixed(1)} cores for it. In the era of 2026-07-28 a call costs a node ${(modern.n / n).toFixed(1)} times as much, since a`,
    "server is made for each request, and the store no more.",
    "",
    `So the node is the larger half of every call, and it is the half that is multiplied by adding machines. A Redis primary is full with about as many busy nodes as n / s says (${(n / s).toFixed(1)}); a PostgreSQL with`,
    `eight cores with ${Math.round((8 * postgres.n) / postgres.s)} or so.`,
  ].join("\n");
}

/** µs of the node and of the store's server, to the nearest five: more digits than that do not travel. */
function costOf(costs: readonly Cost[], store: string, era: Cost["era"]): { readonly n: number; readonly s: number } {
  const cost = costs.find((each) => each.store.startsWith(store) && each.era === era);
  if (cost?.storeServer === undefined) throw new Error(`no cost of a call of ${era} on ${store} was measured`);
  const rounded = (value: number): number => Math.round(value / 5) * 5;
  return { n: rounded(cost.node.median), s: rounded(cost.storeServer.median) };
}

function number(value: number): string {
  return value.toLocaleString("en");
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
