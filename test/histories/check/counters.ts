/**
 * Every step of a counter is somebody's, once: acknowledged increments cover `(value - by, value]` each, without overlap,
 * and what lies between them is of commits whose outcome is unknown, which count by one.
 */
import type { Fault, Moment } from "../history.ts";
import type { Step, Subject } from "../steps.ts";

type Covered = { readonly from: number; readonly to: number; readonly name: string; readonly endedAt: Moment };

export function checkCounters(subject: Subject): readonly Fault[] {
  const faults: Fault[] = [];
  const complain = (message: string, ...operations: readonly string[]): void => {
    faults.push({ rule: "counters", message: `${subject.owner} ${subject.key}: ${message}`, operations });
  };
  const missing: (Gap & { readonly counter: string })[] = [];
  for (const [place, covered] of intervals(subject)) {
    const [counter = ""] = place.split("@");
    missing.push(...gaps(covered, complain).map((gap) => ({ ...gap, counter })));
  }
  const spent = new Map<string, Set<Step>>();
  // Those first that were seen first: they have the fewest makers to choose from, and none of these is bound to a later one.
  for (const { counter, size, before, by } of missing.toSorted((one, other) => one.before - other.before)) {
    const used = spent.get(counter) ?? new Set();
    spent.set(counter, used);
    const makers = subject.steps.filter((step) => {
      const mayHave = step.result === undefined && step.intent.counters[counter] === 1 && step.begunAt <= before;
      return mayHave && !used.has(step);
    });
    const short = size - makers.length;
    if (short > 0) complain(`${short} of what ${by} has in counter "${counter}" is nobody's`, by);
    for (const maker of makers.slice(0, size)) used.add(maker);
  }
  return faults;
}

/** What acknowledged steps cover and what others saw, by counter and incarnation. */
function intervals({ steps, sights }: Subject): ReadonlyMap<string, readonly Covered[]> {
  const found = new Map<string, Covered[]>();
  const add = (counter: string, incarnation: number, covered: Covered): void => {
    const place = `${counter}@${incarnation}`;
    const list = found.get(place) ?? [];
    found.set(place, list);
    list.push(covered);
  };
  for (const { name, endedAt, intent, result } of steps) {
    for (const [counter, value] of Object.entries(result?.counters ?? {})) {
      add(counter, result?.incarnation ?? 0, {
        from: value - (intent.counters[counter] ?? 0),
        to: value,
        name,
        endedAt,
      });
    }
  }
  for (const { name, endedAt, incarnation, counters } of sights) {
    for (const [counter, value] of Object.entries(counters ?? {})) {
      if (incarnation !== undefined) add(counter, incarnation, { from: value, to: value, name, endedAt });
    }
  }
  return found;
}

type Gap = { readonly size: number; readonly before: Moment; readonly by: string };

function gaps(
  covered: readonly Covered[],
  complain: (message: string, ...operations: readonly string[]) => void,
): readonly Gap[] {
  const found: Gap[] = [];
  let reached = 0;
  let last: Covered | undefined;
  const rising = covered.toSorted((one, other) => one.to - other.to || one.from - other.from);
  // When it was first known, by anybody, that the counter had come so far.
  const known: Moment[] = [];
  let earliest = Number.POSITIVE_INFINITY;
  for (const { endedAt } of rising.toReversed()) known.unshift((earliest = Math.min(earliest, endedAt)));
  for (const [index, next] of rising.entries()) {
    if (next.from < next.to && next.from < reached) {
      complain(
        `${last?.name} and ${next.name} counted one step between them: ${next.from} to ${next.to}`,
        last?.name ?? "",
        next.name,
      );
    }
    if (next.from > reached) found.push({ size: next.from - reached, before: known[index] ?? 0, by: next.name });
    if (next.to > reached || next.from < next.to) last = next;
    reached = Math.max(reached, next.to);
  }
  return found;
}
