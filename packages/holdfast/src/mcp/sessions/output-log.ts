import type { Append, Change } from "../../record/change.ts";
import { HoldfastError, isHoldfastError } from "../../record/errors.ts";
import type { Owner, Position, StoredEvent } from "../../record/record.ts";
import { Batcher, type Settle } from "../../store/batcher.ts";
import type { Committed } from "../../store/contract.ts";
import type { CallGuard, CallStep } from "./calls/call-guard.ts";
import type { SessionDeps } from "./deps.ts";
import type { FailurePoint } from "./failure-points.ts";
import { writeHint } from "./hints.ts";
import { type LogEntry, writeLogEntry } from "./log-entry.ts";
import { LogWindow, type ReadNewest } from "./log-window.ts";
import { outStream, sessionTopic, transportKey } from "./transport-record.ts";

/** Called right after an entry is in the log, in the order of positions. */
export type Delivered = (entry: LogEntry, position: Position) => void;

export type AppendInit = {
  readonly delivered?: Delivered | undefined;
  /** Whether the client can do without it: a notification, not an answer. */
  readonly mayDrop?: boolean | undefined;
  /** What the entries mean for the call they belong to. */
  readonly step?: CallStep | undefined;
};

type Item = {
  readonly entries: readonly LogEntry[];
  readonly delivered: Delivered | undefined;
  readonly step: CallStep | undefined;
};
type Outcome = Settle<void>;

const retryDelaysMs: readonly number[] = [50, 250, 1_000];
/** Most messages that wait before further notifications are dropped. */
const mostDroppable = 2_048;
/** How many entries, and bytes of them, are looked at together to find out how large they are. */
const measured = { limit: 200, maxBytes: 512 * 1024 };
/** Most calls whose messages share a commit: each is a change of its own. */
const maxCalls = 12;

/**
 * Writes what goes over SSE to a session's log before it is on a socket (E5), in order. Entries that come while a
 * commit is under way share the next one.
 */
export class OutputLog {
  readonly #deps: SessionDeps;
  readonly #owner: Owner;
  readonly #sessionId: string;
  readonly #batcher: Batcher<Item, void>;
  readonly #window: LogWindow;

  constructor(deps: SessionDeps, owner: Owner, sessionId: string) {
    this.#deps = deps;
    this.#owner = owner;
    this.#sessionId = sessionId;
    this.#batcher = new Batcher({ run: (items) => this.#writeAll(items), maxBatch: 64, maxQueue: 2 * mostDroppable });
    this.#window = new LogWindow({
      maxEvents: deps.options.maxLogEvents,
      maxBytes: deps.options.maxLogBytes,
      readNewest: (range) => this.#readNewest(range),
    });
  }

  /**
   * Throws `NOT_FOUND` once the session is over, `FENCED` once the call is another node's, and what the store throws if
   * it stays unreachable. What may be dropped throws `UNAVAILABLE` where too much waits already, so that there is room
   * for what may not.
   */
  append(entries: readonly LogEntry[], init: AppendInit = {}): Promise<void> {
    if (init.mayDrop === true && this.#batcher.queued >= mostDroppable) {
      return Promise.reject(
        new HoldfastError("UNAVAILABLE", `${mostDroppable} messages of a session wait to be logged; one was dropped`),
      );
    }
    return this.#batcher.add({ entries, delivered: init.delivered, step: init.step });
  }

  async #writeAll(items: readonly Item[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    while (outcomes.length < items.length) {
      const rest = items.slice(outcomes.length);
      outcomes.push(...(await this.#write(rest.slice(0, oneCommit(rest)))));
    }
    return outcomes;
  }

  async #write(items: readonly Item[]): Promise<readonly Outcome[]> {
    const done = new Map<Item, Outcome>();
    for (;;) {
      // Of a call that another node has ended nothing more is written; the others' messages are not kept up by it.
      for (const item of items) if (item.step?.guard.taken === true) done.set(item, { error: fenced() });
      const left = items.filter((item) => !done.has(item));
      const fine: Outcome = { value: undefined };
      if (left.every(({ entries }) => entries.length === 0)) return items.map((item) => done.get(item) ?? fine);
      await this.#reach("before-result", left);
      const last = await this.#commit(left);
      if (last === undefined) continue;
      await this.#reachAfter(left);
      this.#deliver(left, last);
      return items.map((item) => done.get(item) ?? fine);
    }
  }

  #deliver(items: readonly Item[], last: Position): void {
    const entries = items.flatMap((item) => item.entries);
    let position = last - entries.length;
    for (const item of items) {
      for (const entry of item.entries) {
        position += 1;
        item.delivered?.(entry, position);
      }
    }
    this.#deps.hint(
      sessionTopic(this.#sessionId),
      writeHint({ type: "out", streams: entries.map((entry) => entry.streamId) }),
    );
  }

  /** Commits, with a few retries where it is known that nothing was written. Undefined if a call turned out to be another's. */
  async #commit(items: readonly Item[]): Promise<Position | undefined> {
    const data = items.flatMap(({ entries }) => entries.map(writeLogEntry));
    const steps = [...newestSteps(items).values()];
    const changes = steps.map((step) => step.guard.change(step));
    for (let attempt = 0; ; attempt += 1) {
      try {
        const keep = await this.#window.keepWith(data);
        let committed = await this.#commitOnce(data, changes, keep);
        // Who has no room for more still gets answers, and can resume from the newest of them.
        if (!committed.ok && committed.refusal.reason === "quota")
          committed = await this.#commitOnce(data, changes, undefined);
        const head = this.#settle(committed, steps, changes);
        if (head !== undefined) this.#window.appended(data, head);
        return head;
      } catch (error) {
        const delay = retryDelaysMs[attempt];
        if (delay === undefined || !isHoldfastError(error, "UNAVAILABLE")) throw error;
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
    }
  }

  #settle(
    committed: Committed,
    steps: readonly CallStep[],
    changes: readonly (Change | undefined)[],
  ): Position | undefined {
    const named = steps.filter((_, index) => changes[index] !== undefined);
    if (!committed.ok) {
      const { refusal } = committed;
      const step = refusal.reason === "version" ? named[refusal.index - 1] : undefined;
      if (step === undefined) {
        throw new HoldfastError("NOT_FOUND", "the session is over", { details: { refusal: refusal.reason } });
      }
      step.guard.refused();
      return undefined;
    }
    const [transport, ...calls] = committed.results;
    for (const [index, result] of calls.entries()) {
      const step = named[index];
      if (step !== undefined) step.guard.committed(step, result);
    }
    return transport?.heads.get(outStream) ?? 0;
  }

  /** Where the principal has no room, only these messages stay, whatever its quota says. */
  #commitOnce(
    data: readonly string[],
    calls: readonly (Change | undefined)[],
    keep: number | undefined,
  ): Promise<Committed> {
    const { store, hold } = this.#deps;
    const appends: Append[] = [{ stream: outStream, data, keep: keep ?? data.length }];
    const changes = [
      { ...transportKey(this.#sessionId), expect: "present", appends } as const,
      ...calls.filter((change) => change !== undefined),
    ];
    const quota = { bytes: hold.limits.maxBytes };
    return store.commit(this.#owner, changes, { ...(keep !== undefined && { quota }) });
  }

  async #readNewest({ after, upTo }: Parameters<ReadNewest>[0]): Promise<readonly StoredEvent[]> {
    const page = await this.#deps.store.events(this.#owner, transportKey(this.#sessionId), outStream, {
      after,
      ...(upTo !== undefined && { before: upTo + 1 }),
      ...measured,
      order: "newest",
    });
    return page?.events ?? [];
  }

  async #reach(point: FailurePoint, items: readonly Item[]): Promise<void> {
    const { failurePoint } = this.#deps;
    if (failurePoint === undefined) return;
    if (items.some(({ entries }) => entries.some(({ tag }) => tag === "last"))) await failurePoint(point);
  }

  async #reachAfter(items: readonly Item[]): Promise<void> {
    const { failurePoint } = this.#deps;
    if (failurePoint === undefined) return;
    await this.#reach("after-result", items);
    for (const { entries, step } of items) {
      if (step === undefined || !entries.some(({ tag }) => tag === "message")) continue;
      await failurePoint(step.document.asking === undefined ? "mid-stream" : "after-question");
    }
  }
}

/** How many of the items fit into one commit. */
function oneCommit(items: readonly Item[]): number {
  const guards = new Set<CallGuard>();
  for (const [index, { step }] of items.entries()) {
    if (step !== undefined) guards.add(step.guard);
    if (guards.size > maxCalls) return index;
  }
  return items.length;
}

/** What is true of each call after the last of its items. */
function newestSteps(items: readonly Item[]): ReadonlyMap<CallGuard, CallStep> {
  const steps = new Map<CallGuard, CallStep>();
  for (const { step } of items) if (step !== undefined) steps.set(step.guard, step);
  return steps;
}

function fenced(): HoldfastError {
  return new HoldfastError("FENCED", "another node has ended this call; what it says here reaches nobody any more");
}
