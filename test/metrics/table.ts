import { readFile } from "node:fs/promises";

/** A metric of docs/metrics.md under its names in Prometheus. */
export type Documented = { readonly name: string; readonly series: readonly string[] };

export async function documented(): Promise<readonly Documented[]> {
  const page = await readFile(new URL("../../docs/metrics.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `([a-z0-9._]+)` \| (histogram|counter|observed counter|gauge) \|/gm)];
  return rows.map(([, name = "", type = ""]) => ({ name, series: seriesOf(name.replaceAll(".", "_"), type) }));
}

function seriesOf(name: string, type: string): readonly string[] {
  if (type === "histogram") return [`${name}_bucket`, `${name}_sum`, `${name}_count`];
  return [type === "gauge" ? name : `${name}_total`];
}

/** The names of the series on a page, and their values by whole name. */
export function readPage(text: string): {
  readonly names: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, number>;
} {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const values = new Map<string, number>();
  for (const line of lines) {
    const at = line.lastIndexOf(" ");
    values.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return { names: new Set(lines.map((line) => /^[A-Za-z0-9_:]+/.exec(line)?.[0] ?? line)), values };
}
