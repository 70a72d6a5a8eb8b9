/**
 * One answer, one state: whoever saw a whole record saw it between two commits, and every commit wholly or not at all.
 * The states of a record are a chain in which no part ever goes back, so sorted answers have to be one too.
 */
import type { Fault } from "../history.ts";
import type { Sight, Step, Subject } from "../steps.ts";

/** A part of a record, as a number that only grows: its version, a counter, a head. */
type Part = readonly [name: string, value: number];

export function checkSnapshots({ owner, key, steps, sights }: Subject): readonly Fault[] {
  const faults: Fault[] = [];
  const complain = (message: string, ...operations: readonly string[]): void => {
    faults.push({ rule: "atomic", message: `${owner} ${key}: ${message}`, operations });
  };
  const acknowledged = groupBy(
    steps.filter(({ result }) => result !== undefined),
    ({ result }) => result?.incarnation ?? 0,
  );
  const whole = groupBy(
    sights.filter((sight) => sight.whole === true),
    ({ incarnation }) => incarnation ?? 0,
  );
  for (const [incarnation, group] of whole) {
    const chain = group.toSorted((one, other) => sum(one) - sum(other));
    for (const [index, sight] of chain.entries()) {
      const before = chain[index - 1];
      const back = before && partsOf(before).find(([name, value]) => value > valueOf(sight, name));
      if (before !== undefined && back !== undefined) {
        complain(
          `${before.name} and ${sight.name} each saw something (${back[0]}) that the other did not`,
          before.name,
          sight.name,
        );
      }
    }
    for (const step of acknowledged.get(incarnation) ?? []) {
      const half = halfSeen(step, chain);
      if (half !== undefined) complain(half.message, step.name, half.by);
    }
  }
  for (const group of acknowledged.values()) {
    for (const message of crossed(group)) complain(message.message, ...message.operations);
  }
  return faults;
}

/** A commit of which some sight has one part and not another. */
function halfSeen(step: Step, chain: readonly Sight[]): { readonly message: string; readonly by: string } | undefined {
  const { name, result, intent } = step;
  if (result === undefined) return undefined;
  const parts: Part[] = [
    ...Object.entries(result.counters).map(([counter, value]): Part => [`counter ${counter}`, value]),
  ];
  for (const [stream, head] of Object.entries(result.heads))
    if ((intent.appends[stream] ?? 0) > 0) parts.push([`stream ${stream}`, head]);
  if (intent.writes || result.created) parts.push(["version", result.version]);
  const firsts = parts.map(([part, value]) => firstIndex(chain, (sight) => valueOf(sight, part) >= value));
  const [first = chain.length] = firsts;
  const odd = firsts.findIndex((index) => index !== first);
  if (odd >= 0) {
    const by = chain[Math.min(first, firsts[odd] ?? first)]?.name ?? "";
    return { by, message: `${by} saw a part of ${name}, ${parts[0]?.[0]} or ${parts[odd]?.[0]}, without the other` };
  }
  if (parts.length === 0) return undefined;
  // The version it answered stood when it was applied: not before those that came after it, nor after those before.
  const [before, after] = [chain[first - 1], chain[first]];
  const wrong = [
    before !== undefined && valueOf(before, "version") > result.version ? before : undefined,
    after !== undefined && valueOf(after, "version") < result.version ? after : undefined,
  ].find((sight) => sight !== undefined);
  if (wrong === undefined) return undefined;
  return {
    by: wrong.name,
    message: `${name} was applied at version ${result.version}, against what ${wrong.name} saw`,
  };
}

/** Two commits to one counter or stream, in one order by it and in the other by version. */
function crossed(
  group: readonly Step[],
): readonly { readonly message: string; readonly operations: readonly string[] }[] {
  const found: { message: string; operations: string[] }[] = [];
  const byPart = new Map<string, { readonly step: Step; readonly value: number }[]>();
  for (const step of group) {
    const values = { ...prefixed("counter", step.result?.counters), ...prefixed("stream", step.result?.heads) };
    for (const [part, value] of Object.entries(values)) {
      const list = byPart.get(part) ?? [];
      byPart.set(part, list);
      list.push({ step, value });
    }
  }
  for (const [part, list] of byPart) {
    list.sort((one, other) => one.value - other.value);
    for (const [index, { step }] of list.entries()) {
      const before = list[index - 1]?.step;
      if (before?.result === undefined || step.result === undefined || before.result.version <= step.result.version)
        continue;
      const message = `${before.name} came before ${step.name} by ${part}, and after it by version`;
      found.push({ message, operations: [before.name, step.name] });
    }
  }
  return found;
}

function prefixed(part: string, values: Readonly<Record<string, number>> | undefined): Record<string, number> {
  return Object.fromEntries(Object.entries(values ?? {}).map(([name, value]) => [`${part} ${name}`, value]));
}

function partsOf({ version = 0, counters = {}, heads = {} }: Sight): readonly Part[] {
  return [["version", version], ...Object.entries({ ...prefixed("counter", counters), ...prefixed("stream", heads) })];
}

function valueOf(sight: Sight, part: string): number {
  if (part === "version") return sight.version ?? 0;
  const [sort, ...name] = part.split(" ");
  return (sort === "counter" ? sight.counters : sight.heads)?.[name.join(" ")] ?? 0;
}

/** Rises with every commit, since every part only grows. */
function sum(sight: Sight): number {
  return partsOf(sight).reduce((total, [, value]) => total + value, 0);
}

function firstIndex(chain: readonly Sight[], fits: (sight: Sight) => boolean): number {
  let [low, high] = [0, chain.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const sight = chain[middle];
    if (sight !== undefined && fits(sight)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => number): ReadonlyMap<number, readonly T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item)) ?? [];
    groups.set(keyOf(item), group);
    group.push(item);
  }
  return groups;
}
