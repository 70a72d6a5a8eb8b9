/**
 * A history, sorted by the records it is about: who may have changed each of them and how, and who saw it as what.
 */
import type { Fault, History, Intent, Moment, Operation, Result, SeenEvent } from "./history.ts";

/** What one commit does to one record. */
export type Step = {
  readonly name: string;
  /** Which of the commit's changes. */
  readonly index: number;
  readonly begunAt: Moment;
  readonly endedAt: Moment;
  readonly intent: Intent;
  /** What it came to; undefined where nobody knows whether it happened. */
  readonly result: Result | undefined;
};

/** What somebody saw of one record at one moment between two. Parts that were not looked at are undefined. */
export type Sight = {
  readonly name: string;
  readonly begunAt: Moment;
  readonly endedAt: Moment;
  readonly version?: number;
  readonly incarnation?: number;
  readonly document?: string;
  readonly counters?: Readonly<Record<string, number>>;
  readonly heads?: Readonly<Record<string, number>>;
  /** The whole record was seen in one answer: counters and streams that are not there are 0. */
  readonly whole?: true;
  /** There was no such record. */
  readonly absent?: true;
};

/** Part of a stream that somebody saw. */
export type Page = {
  readonly name: string;
  readonly stream: string;
  readonly incarnation: number;
  readonly begunAt: Moment;
  readonly endedAt: Moment;
  readonly head: number;
  readonly first: number;
  readonly events: readonly SeenEvent[];
  /** What the page had to hold: from the first to the last position, in this order. */
  readonly owed: { readonly from: number; readonly to: number };
};

export type Subject = {
  readonly owner: string;
  readonly key: string;
  readonly steps: Step[];
  readonly sights: Sight[];
  readonly pages: Page[];
};

export type Sorted = {
  readonly subjects: readonly Subject[];
  /** What was certainly not done, by operation: refused, or failed and said so. */
  readonly undone: ReadonlyMap<string, Operation>;
  readonly faults: readonly Fault[];
};

export function sortHistory(history: History): Sorted {
  const subjects = new Map<string, Subject>();
  const undone = new Map<string, Operation>();
  const subjectOf = (owner: string, key: string): Subject => {
    const name = `${owner} ${key}`;
    const there = subjects.get(name) ?? { owner, key, steps: [], sights: [], pages: [] };
    subjects.set(name, there);
    return there;
  };
  const { commits, faults } = settleRepeats(history);
  for (const operation of commits) addCommit(operation, subjectOf, undone);
  for (const operation of history) addReading(operation, subjectOf);
  return { subjects: [...subjects.values()], undone, faults };
}

/** Commits with what their repetitions said put together, and what those said that cannot be. */
function settleRepeats(history: History): {
  readonly commits: readonly Operation[];
  readonly faults: readonly Fault[];
} {
  const commits = new Map<string, Operation>();
  for (const operation of history) if (operation.request.what === "commit") commits.set(operation.name, operation);
  const faults: Fault[] = [];
  for (const repeat of history) {
    if (repeat.request.what !== "repeat") continue;
    const first = commits.get(repeat.request.of);
    if (first === undefined) throw new Error(`${repeat.name} repeats "${repeat.request.of}", which is not there`);
    const message = wrongRepeat(first, repeat);
    if (message !== undefined) faults.push({ rule: "once", message, operations: [first.name, repeat.name] });
    // It happened between the first try's beginning and now. A refusal proves nothing: the first try may be on its way.
    if (first.answer.kind === "unknown" && repeat.answer.kind === "applied") {
      commits.set(first.name, { ...first, endedAt: repeat.endedAt, answer: repeat.answer });
    }
  }
  return { commits: [...commits.values()], faults };
}

function wrongRepeat({ name, answer: first }: Operation, { name: again, answer }: Operation): string | undefined {
  if (first.kind !== "applied" || answer.kind === "unknown" || answer.kind === "failed") return undefined;
  if (answer.kind !== "applied") return `${name} was applied, and its repetition ${again} was ${answer.kind}`;
  if (!answer.replayed) return `${name} was applied, and its repetition ${again} was applied once more`;
  const same = JSON.stringify(first.results) === JSON.stringify(answer.results);
  return same ? undefined : `${again} was answered otherwise than ${name}, which it repeats`;
}

function addCommit(
  { name, begunAt, endedAt, request, answer }: Operation,
  subjectOf: (owner: string, key: string) => Subject,
  undone: Map<string, Operation>,
): void {
  if (request.what !== "commit") return;
  const when = { name, begunAt, endedAt };
  const { owner, intents, fence } = request;
  if (answer.kind === "refused" || answer.kind === "failed") {
    undone.set(name, { name, begunAt, endedAt, request, answer });
    if (answer.kind === "failed") return;
    const { reason, index, actual } = answer;
    const key = reason === "fence" ? fence?.key : intents[index]?.key;
    if (key === undefined || (reason !== "version" && reason !== "fence")) return;
    subjectOf(owner, key).sights.push({ ...when, ...(actual === undefined ? { absent: true } : { version: actual }) });
    return;
  }
  for (const [index, intent] of intents.entries()) {
    const result = answer.kind === "applied" ? answer.results[index] : undefined;
    subjectOf(owner, intent.key).steps.push({
      ...when,
      endedAt: answer.kind === "applied" ? endedAt : Number.POSITIVE_INFINITY,
      index,
      intent,
      result,
    });
  }
  // A fence that held is a sight of the lease.
  if (fence !== undefined && answer.kind === "applied") {
    subjectOf(owner, fence.key).sights.push({ ...when, version: fence.token });
  }
}

function addReading(
  { name, begunAt, endedAt, request, answer }: Operation,
  subjectOf: (owner: string, key: string) => Subject,
): void {
  const when = { name, begunAt, endedAt };
  if (request.what === "read" && answer.kind === "read") {
    const subject = subjectOf(request.owner, request.key);
    const { record } = answer;
    if (record === undefined) {
      subject.sights.push({ ...when, absent: true });
      return;
    }
    const { version, incarnation, document, counters, streams } = record;
    const heads = Object.fromEntries(Object.entries(streams).map(([stream, { head }]) => [stream, head]));
    subject.sights.push({ ...when, version, incarnation, document, counters, heads, whole: true });
    for (const [index, { stream, after, limit }] of request.tails.entries()) {
      const { head, first } = streams[stream] ?? { head: 0, first: 1 };
      const from = Math.max(first, typeof after === "number" ? after + 1 : head - Math.min(after.last, limit) + 1);
      const owed = { from, to: Math.min(head, from + limit - 1) };
      subject.pages.push({ ...when, stream, incarnation, head, first, events: answer.tails[index] ?? [], owed });
    }
  }
  if (request.what === "events" && answer.kind === "events") {
    const subject = subjectOf(request.owner, request.key);
    const { page } = answer;
    if (page === undefined) {
      subject.sights.push({ ...when, absent: true });
      return;
    }
    const { stream, after, limit } = request;
    const { head, first, incarnation, events, more } = page;
    subject.sights.push({ ...when, incarnation, heads: { [stream]: head } });
    const from = Math.max(first, after + 1);
    // A page may be cut short, but then it says so.
    const last = more ? (events.at(-1)?.[0] ?? from) : head;
    subject.pages.push({
      ...when,
      stream,
      incarnation,
      head,
      first,
      events,
      owed: { from, to: Math.min(last, from + limit - 1) },
    });
  }
}
