/** Everything that can be said against a history. Empty means: nothing. */
import type { Fault, History } from "../history.ts";
import { sortHistory } from "../steps.ts";
import { checkAbsence } from "./absence.ts";
import { checkCounters } from "./counters.ts";
import { checkHalves } from "./halves.ts";
import { checkLease } from "./leases.ts";
import { checkOrder } from "./order.ts";
import { checkSnapshots } from "./snapshots.ts";
import { checkStreams } from "./streams.ts";
import { checkVersions } from "./versions.ts";

/** Records of this kind are leases: never ended, few, and searched as well as sorted. */
const leaseKind = "lease";

export function checkHistory(history: History): readonly Fault[] {
  const inOrder = history.toSorted((one, other) => one.begunAt - other.begunAt);
  const { subjects, undone, faults: repeats } = sortHistory(inOrder);
  const writers = new Map<string, string>();
  for (const { owner, key, steps } of subjects) for (const { name } of steps) writers.set(name, `${owner} ${key}`);
  const faults: Fault[] = [...repeats];
  const made = subjects.map((subject) => {
    const { makers, faults: found } = checkVersions(subject, undone);
    faults.push(...found);
    return [subject, makers] as const;
  });
  faults.push(...checkOrder(made));
  for (const subject of subjects) {
    faults.push(...checkSnapshots(subject), ...checkAbsence(subject), ...checkCounters(subject));
    faults.push(...checkStreams(subject, undone, writers));
    if (subject.key.startsWith(`${leaseKind}/`)) faults.push(...checkLease(subject));
  }
  return [...faults, ...checkHalves(inOrder, subjects)];
}

export function formatFaults(faults: readonly Fault[], most = 10): string {
  const lines = faults.slice(0, most).map(({ rule, message }) => `${rule}: ${message}`);
  if (faults.length > most) lines.push(`… and ${faults.length - most} more`);
  return lines.join("\n");
}
