/**
 * Streams: every position has one event, every event one position; they come in the order they were appended, without
 * gaps, from the cursor on; and whatever is read was appended here, by a commit that may have been applied.
 */
import type { Fault, Operation } from "../history.ts";
import type { Page, Step, Subject } from "../steps.ts";

/** Who appended something, anywhere: to tell a foreign event from one that nobody wrote. */
export type Writers = ReadonlyMap<string, string>;

export function checkStreams(
  subject: Subject,
  undone: ReadonlyMap<string, Operation>,
  writers: Writers,
): readonly Fault[] {
  const faults: Fault[] = [];
  const where = `${subject.owner} ${subject.key}`;
  const complain = (message: string, ...operations: readonly string[]): void => {
    faults.push({ rule: "streams", message: `${where}: ${message}`, operations });
  };
  const steps = new Map(subject.steps.map((step) => [step.name, step]));
  const logs = new Map<string, Log>();
  const logOf = (stream: string, incarnation: number): Log => {
    const name = `${stream}@${incarnation}`;
    const log = logs.get(name) ?? {
      events: new Map(),
      positions: new Map(),
      name: `stream "${stream}" of incarnation ${incarnation}`,
    };
    logs.set(name, log);
    return log;
  };
  for (const step of subject.steps) {
    for (const [stream, head] of Object.entries(step.result?.heads ?? {})) {
      const count = step.intent.appends[stream] ?? 0;
      const log = logOf(stream, step.result?.incarnation ?? 0);
      for (let index = 0; index < count; index += 1) {
        place(log, head - count + index + 1, `${step.name}#${index}`, step.name, complain);
      }
    }
  }
  for (const page of subject.pages) {
    checkPage(page, complain);
    const log = logOf(page.stream, page.incarnation);
    for (const [position, data] of page.events) {
      if (!log.positions.has(data)) {
        const stranger = whyNot(data, page.stream, steps, undone, writers);
        if (stranger !== undefined)
          complain(`${page.name} read ${JSON.stringify(data)} at ${position}: ${stranger}`, page.name, writerOf(data));
      }
      place(log, position, data, page.name, complain);
    }
  }
  for (const log of logs.values()) checkRuns(log, steps, complain);
  return faults;
}

type Complain = (message: string, ...operations: readonly string[]) => void;

type Log = {
  readonly name: string;
  readonly events: Map<number, { readonly data: string; readonly by: string }>;
  readonly positions: Map<string, number>;
};

function place(log: Log, position: number, data: string, by: string, complain: Complain): void {
  const there = log.events.get(position);
  if (there !== undefined && there.data !== data) {
    complain(`position ${position} of ${log.name} is ${data} to ${by} and ${there.data} to ${there.by}`, by, there.by);
    return;
  }
  const elsewhere = log.positions.get(data);
  if (elsewhere !== undefined && elsewhere !== position) {
    complain(`${data} is in ${log.name} twice, at ${elsewhere} and ${position}, as ${by} saw`, writerOf(data), by);
    return;
  }
  log.events.set(position, { data, by });
  log.positions.set(data, position);
}

/** One page by itself: rising by one from its beginning to its end, all of what was asked for. */
function checkPage({ name, stream, owed, events }: Page, complain: Complain): void {
  const due = Math.max(0, owed.to - owed.from + 1);
  const wrong = events.findIndex(([position], index) => position !== owed.from + index);
  if (wrong >= 0) {
    complain(
      `${name} read position ${events[wrong]?.[0]} of stream "${stream}" where ${owed.from + wrong} was due`,
      name,
    );
  } else if (events.length !== due) {
    complain(
      `${name} read ${events.length} events of stream "${stream}" after ${owed.from - 1} where ${due} were due`,
      name,
    );
  }
}

function whyNot(
  data: string,
  stream: string,
  steps: ReadonlyMap<string, Step>,
  undone: ReadonlyMap<string, Operation>,
  writers: Writers,
): string | undefined {
  const name = writerOf(data);
  const index = Number(data.slice(name.length + 1));
  const step = steps.get(name);
  if (step !== undefined && index < (step.intent.appends[stream] ?? 0)) return undefined;
  if (undone.has(name)) return `${name} was not applied: so its caller was told`;
  const home = writers.get(name);
  return home === undefined || step !== undefined ? "nobody appended that" : `that is of ${home}`;
}

/** What one commit appended lies together, in its order. */
function checkRuns(log: Log, steps: ReadonlyMap<string, Step>, complain: Complain): void {
  for (const [data, position] of log.positions) {
    const name = writerOf(data);
    const index = Number(data.slice(name.length + 1));
    if (index === 0 || !steps.has(name)) continue;
    const before = log.events.get(position - 1)?.data ?? (position === 1 ? "the beginning" : undefined);
    if (before === undefined || before === `${name}#${index - 1}`) continue;
    complain(`${data} at ${position} of ${log.name} does not follow ${name}#${index - 1}, but ${before}`, name);
  }
}

export function writerOf(data: string): string {
  return data.split("#")[0] ?? data;
}
