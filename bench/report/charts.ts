import type { Cost } from "../lib/cost.ts";
import { isReached, type Row, share } from "../lib/row.ts";
import { bar, line, picture, type Shape, text, whisker } from "./svg.ts";
import { figure, goalOf, valueOf } from "./text.ts";

const width = 860;
const top = 62;
const left = 260;
const right = 190;
const room = width - left - right;

/** How far each goal was reached, on a logarithmic scale: what is left of the line is missing. */
export function goalsChart(rows: readonly Row[]): string {
  const [least, most] = [0.05, 20];
  const x = (value: number): number => {
    const within = Math.min(most, Math.max(least, value));
    return left + (room * Math.log(within / least)) / Math.log(most / least);
  };
  const step = 26;
  const height = top + rows.length * step + 34;
  const shapes: Shape[] = [
    text("How far each goal was reached", 16, 26, { kind: "title" }),
    text("1 is the goal; to the right of it is better. Bars: median; lines: least to most.", 16, 46, { kind: "muted" }),
  ];
  for (const mark of [0.1, 0.25, 0.5, 1, 2, 4, 10]) {
    shapes.push(line(mark === 1 ? "goal" : "grid", x(mark), top - 4, x(mark), height - 30));
    shapes.push(text(String(mark), x(mark), height - 14, { anchor: "middle", kind: "muted" }));
  }
  for (const [index, row] of rows.entries()) {
    const y = top + index * step;
    const ends = [share(row, row.value.min), share(row, row.value.max)].map(x).toSorted((a, b) => a - b);
    shapes.push(text(`${row.id}  ${row.label}`, left - 10, y + 14, { anchor: "end" }));
    shapes.push(bar(isReached(row) ? "ours" : "missed", left, y + 3, x(share(row, row.value.median)) - left, 14));
    shapes.push(...whisker(ends[0] ?? left, ends[1] ?? left, y + 10));
    const verdict = isReached(row) ? "" : ", missed";
    shapes.push(
      text(
        `${figure(row.value.median)} of ${goalOf({ ...row, stretch: undefined })}${verdict}`,
        width - right + 12,
        y + 14,
      ),
    );
  }
  const missed = rows.filter((row) => !isReached(row)).map(({ id, label }) => `${id} ${label}`);
  const words = `${rows.length - missed.length} of ${rows.length} goals were reached; missed: ${missed.join("; ") || "none"}`;
  return picture(width, height, words, shapes);
}

/** Calls per second, ours above theirs. */
export function callsChart(rows: readonly Row[]): string {
  const most = Math.max(...rows.flatMap(({ ours, theirs }) => [ours.max, theirs?.max ?? 0]));
  const x = (value: number): number => left + (room * value) / most;
  const step = 58;
  const height = top + rows.length * step + 14;
  const shapes: Shape[] = [
    text("Counter calls per second over HTTP", 16, 26, { kind: "title" }),
    text("Each pair measured in turn on one machine. Bars: median; lines: least to most.", 16, 46, { kind: "muted" }),
  ];
  for (const [index, row] of rows.entries()) {
    const y = top + index * step;
    shapes.push(text(`${row.id}  ${row.label}`, left - 10, y + 26, { anchor: "end" }));
    const pair = [
      { kind: "ours", name: "holdfast, durable", spread: row.ours },
      { kind: "theirs", name: "beside it", spread: row.theirs ?? row.ours },
    ] as const;
    for (const [at, { kind, name, spread }] of pair.entries()) {
      const middle = y + 12 + at * 20;
      shapes.push(bar(kind, left, middle - 8, x(spread.median) - left, 16));
      shapes.push(...whisker(x(spread.min), x(spread.max), middle));
      shapes.push(text(`${figure(spread.median)}  ${name}`, width - right + 12, middle + 5));
    }
  }
  const words = rows.map((row) => `${row.id} ${row.label}: ${valueOf(row)} times`).join("; ");
  return picture(width, height, words, shapes);
}

/** Microseconds of processors for a call: the node's, and the store's server's behind it. */
export function costChart(costs: readonly Cost[]): string {
  const most = Math.max(...costs.map(({ node, storeServer }) => node.median + (storeServer?.median ?? 0)));
  const scale = room / most;
  const step = 30;
  const height = top + costs.length * step + 14;
  const shapes: Shape[] = [
    text("What a durable counter call costs, in microseconds of a processor", 16, 26, { kind: "title" }),
    text("Blue: the node. Grey: the store's server, where it has one.", 16, 46, { kind: "muted" }),
  ];
  for (const [index, { store, era, node, storeServer }] of costs.entries()) {
    const y = top + index * step;
    shapes.push(text(`${store}, ${era}`, left - 10, y + 16, { anchor: "end" }));
    shapes.push(bar("ours", left, y + 3, node.median * scale, 17));
    if (storeServer !== undefined) {
      shapes.push(bar("theirs", left + node.median * scale, y + 3, storeServer.median * scale, 17));
    }
    const both = storeServer === undefined ? "" : ` + ${figure(storeServer.median)}`;
    shapes.push(text(`${figure(node.median)}${both} µs`, width - right + 12, y + 16));
  }
  const words = costs
    .map(({ store, era, node }) => `${store}, ${era}: ${figure(node.median)} µs of the node`)
    .join("; ");
  return picture(width, height, words, shapes);
}
