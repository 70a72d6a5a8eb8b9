/**
 * Events that have left their record's row lie in runs: several in one row, found by the position of the newest. A run
 * is never rewritten. A trim removes the runs it covers whole; what it leaves below a stream's first event in the one
 * it cuts is not there for any reader, and goes with the next trim that covers it.
 */
import type { Position, StoredEvent } from "../../record/record.ts";
import { utf8Length } from "../../record/text.ts";
import type { SqlRow } from "./client.ts";
import { runFromColumn, runToColumn } from "./codec.ts";
import { type TailEvent, tailEventOverhead } from "./entry.ts";
import type { Statements } from "./statements.ts";

/** A run takes no more bytes than this unless it is one event: longer rows would need pages of their own. */
const maxRunBytes = 900;

/** Writes events, of each stream the next ones after those that lie here, in order. */
export function putRuns(statements: Statements, row: number, events: readonly TailEvent[]): void {
  const runs = new Map<number, { events: TailEvent[]; bytes: number }>();
  for (const event of events) {
    const bytes = event.json.length + tailEventOverhead;
    const open = runs.get(event.stream);
    if (open !== undefined && open.bytes + bytes <= maxRunBytes) {
      open.events.push(event);
      open.bytes += bytes;
      continue;
    }
    if (open !== undefined) putRun(statements, row, open.events);
    runs.set(event.stream, { events: [event], bytes });
  }
  for (const open of runs.values()) putRun(statements, row, open.events);
}

function putRun(statements: Statements, row: number, events: readonly TailEvent[]): void {
  const last = events.at(-1);
  if (last !== undefined) statements.get("insertRun").run(row, last.stream, last.position, runToColumn(events));
}

/** The events of a range of one stream, read as they are asked for. `low` and `high` must be settled and retained. */
export function* settledEvents(
  statements: Statements,
  row: number,
  stream: number,
  { low, high, order }: { readonly low: Position; readonly high: Position; readonly order: "oldest" | "newest" },
): IterableIterator<StoredEvent> {
  const rows =
    order === "oldest"
      ? statements.get("runsOldest").iterate(row, stream, low)
      : statements.get("runsNewest").iterate(row, stream, row, stream, high);
  for (const found of rows) {
    const events = eventsOf(found);
    if (order === "newest") events.reverse();
    for (const event of events) {
      if (event.position >= low && event.position <= high) yield event;
    }
    const reached = events.at(-1)?.position ?? low;
    if (order === "oldest" ? reached >= high : reached <= low) return;
  }
}

/** Bytes of the events of a settled range, and how far it covers runs whole. */
export function settledRange(
  statements: Statements,
  row: number,
  stream: number,
  low: Position,
  high: Position,
): { readonly bytes: number; readonly wholeThrough: Position } {
  let bytes = 0;
  let wholeThrough = 0;
  for (const found of statements.get("runsOldest").iterate(row, stream, low)) {
    for (const { position, data } of eventsOf(found)) {
      if (position >= low && position <= high) bytes += utf8Length(data);
    }
    const last = Number(found["last"]);
    if (last <= high) wholeThrough = last;
    if (last >= high) break;
  }
  return { bytes, wholeThrough };
}

function eventsOf(row: SqlRow): StoredEvent[] {
  return runFromColumn(row["run"], Number(row["last"]));
}
