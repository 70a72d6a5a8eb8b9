/**
 * Commits of this process. Those in flight share a statement, which skips rows that others hold; what was skipped is
 * sent again by itself and waits, without holding up the batches that follow. A commit whose answer was lost is sent
 * again under its commit id, which finds the first outcome or makes one.
 */
import type { Change } from "../../record/change.ts";
import { HoldfastError, isHoldfastError } from "../../record/errors.ts";
import { Aborts, type Settler } from "../../store/abort.ts";
import { lengthOf } from "../../store/commit-length.ts";
import type { CommitOptions, Committed } from "../../store/contract.ts";
import { Drain } from "../../store/drain.ts";
import type { Client } from "./client.ts";
import { isRolledBack, unavailable } from "./failures.ts";
import { Lanes } from "./lanes.ts";
import type { ResolvedPostgresOptions } from "./options.ts";
import { addressOf, type Commit, committedFromPlain, PlainBatch, type PlainOutcome } from "./plain.ts";
import { commitToWire, committedFromWire, type WireOutcome } from "./wire.ts";

/** A statement takes no further commits beyond this much, which it does within a second: all of them wait for its end. */
const maxLength = 16 * 1024 * 1024;
/** A counter is by far the dearest: each copies all of its record's. */
const pieces = { step: 256, counter: 2_048 };

const statement =
  "select holdfast.commit_3($1::json, $2::jsonb, $3::boolean, $4::jsonb, $5::boolean, $6::bigint) as answer";

type Item = Commit & {
  readonly caller: Settler<Committed>;
  /** Called when it is too late to give up. */
  onTaken: (() => void) | undefined;
  lockOwner: boolean;
};

/** Where a row of a commit was locked by others. */
type Blocked = Extract<WireOutcome, { readonly blocked: string }>;

/** What `holdfast.commit_3` answers. */
type WireAnswer = {
  readonly at: number | null;
  readonly done: readonly PlainOutcome[];
  readonly outcomes: Readonly<Record<string, WireOutcome>>;
};

export class Committer {
  readonly #client: Client;
  readonly #aheadMs: () => number;
  /** For how long a commit that was blocked again, or whose answer was lost again, is sent again. */
  readonly #patienceMs: number;
  readonly #drain: Drain<Item>;
  readonly #lanes: Lanes<Item>;
  readonly #maxQueue: number;
  readonly #aborts = new Aborts();

  constructor(client: Client, options: ResolvedPostgresOptions, aheadMs: () => number) {
    const { maxBatch, maxQueue, lingerMs, statementTimeoutMs } = options;
    this.#client = client;
    this.#aheadMs = aheadMs;
    this.#patienceMs = statementTimeoutMs;
    this.#maxQueue = maxQueue;
    this.#lanes = new Lanes({
      wait: (items) => this.#waitInLane(items),
      again: (items) => this.#queue(items),
      maxBatch,
    });
    this.#drain = new Drain({ run: (items) => this.#run(items), maxBatch, maxQueue, lingerMs });
  }

  get queued(): number {
    return this.#drain.queued + this.#lanes.queued;
  }

  /** What was sent so far, by size. */
  get batches(): readonly number[] {
    return this.#drain.batches;
  }

  /** Rejects with `ABORTED` where the signal says so before the commit is sent; once it is, its outcome is waited for. */
  commit(owner: string, changes: readonly Change[], options: CommitOptions): Promise<Committed> {
    return new Promise((resolve, reject) => {
      const item: Item = { owner, changes, options, caller: { resolve, reject }, onTaken: undefined, lockOwner: false };
      if (options.signal !== undefined) {
        const taken = this.#aborts.until<void>(options.signal, (settler) => {
          item.onTaken = () => settler.resolve();
        });
        taken.catch(reject);
      }
      this.#queue([item]);
    });
  }

  #queue(items: readonly Item[]): void {
    for (const item of items) {
      const refusal = this.#drain.push(item);
      if (refusal === undefined) continue;
      item.onTaken?.();
      item.caller.reject(refusal);
    }
  }

  /** A batch is over when its statements are, though some of its commits may still wait. Never rejects. */
  async #run(items: readonly Item[]): Promise<void> {
    const free = this.#lanes.none ? items : items.filter((item) => !this.#joinsLane(item));
    for (const sharing of byLength(taken(free))) await this.#send(sharing);
  }

  /** Whether a commit waits with others for a row that is known to be held. */
  #joinsLane(item: Item): boolean {
    const row = rowOf(item);
    return row !== undefined && this.#lanes.queued < this.#maxQueue && this.#lanes.take(row, item);
  }

  async #waitInLane(items: readonly Item[]): Promise<void> {
    await Promise.all(byLength(taken(items)).map((sharing) => this.#wait(sharing)));
  }

  /** One statement for all; what it leaves open goes on by itself. */
  async #send(items: readonly Item[]): Promise<void> {
    let outcomes: readonly (Committed | Blocked)[];
    try {
      outcomes = await this.#ask(items, false);
    } catch (error) {
      for (const item of items) tell(item, this.#afterFailure(item, error, items.length > 1));
      return;
    }
    const blocked = new Map<string, Item[]>();
    for (const [index, item] of items.entries()) {
      const outcome = outcomes[index];
      if (outcome === undefined) {
        item.caller.reject(new Error("the database gave no outcome for a commit"));
        continue;
      }
      if (!("blocked" in outcome)) {
        item.caller.resolve(outcome);
        continue;
      }
      item.lockOwner ||= outcome.owner === true;
      blocked.set(outcome.blocked, [...(blocked.get(outcome.blocked) ?? []), item]);
    }
    // Commits that wait for one row wait together, and share a statement again once they have it.
    for (const [row, waiting] of blocked) {
      const inLane = waiting.filter((item) => rowOf(item) === row);
      if (inLane.length > 0) this.#lanes.open(row, inLane);
      const others = waiting.filter((item) => rowOf(item) !== row);
      if (others.length > 0) void this.#wait(others);
    }
  }

  /** Sends commits that were blocked, and waits for the rows. Tells each caller by itself; never rejects. */
  async #wait(items: readonly Item[]): Promise<void> {
    const [first, second] = items;
    if (first !== undefined && second === undefined) return await told(first, this.#alone(first));
    try {
      const outcomes = await this.#ask(items, true);
      for (const [index, item] of items.entries()) {
        const outcome = outcomes[index];
        if (outcome !== undefined && !("blocked" in outcome)) {
          item.caller.resolve(outcome);
          continue;
        }
        item.lockOwner ||= outcome?.owner === true;
        tell(item, this.#alone(item));
      }
    } catch (error) {
      for (const item of items) tell(item, this.#afterFailure(item, error, true));
    }
  }

  /**
   * One commit by itself, until it has an outcome or its time is over.
   * @param unknown set where an earlier attempt may have been carried out: then nothing less than an outcome settles it.
   */
  async #alone(item: Item, unknown?: HoldfastError): Promise<Committed> {
    const until = performance.now() + this.#patienceMs;
    let lost = unknown;
    for (let attempt = 0; attempt === 0 || performance.now() < until; attempt += 1) {
      if (item.options.signal?.aborted === true) throw lost ?? aborted();
      try {
        const [outcome] = await this.#ask([item], true);
        if (outcome === undefined) throw new Error("the database gave no outcome for a commit");
        if (!("blocked" in outcome)) return outcome;
        item.lockOwner ||= outcome.owner === true;
      } catch (error) {
        if (canBeResolved(item, error)) lost = error;
        if (lost === undefined) throw error;
        await pause(Math.random() * Math.min(1_000, 10 * 2 ** attempt));
      }
    }
    throw lost ?? unavailable("others held a row of this commit all the time; nothing was written");
  }

  /** A statement failed as a whole: whose fault it was, or what came of it, each commit finds out by itself. */
  #afterFailure(item: Item, error: unknown, shared: boolean): Promise<Committed> {
    if (canBeResolved(item, error)) return this.#alone(item, error);
    if (shared && isHoldfastError(error) && isRolledBack(error.cause)) return this.#alone(item);
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }

  /** @param wait for rows that others hold. */
  async #ask(items: readonly Item[], wait: boolean): Promise<readonly (Committed | Blocked)[]> {
    const { plain, rest } = batchOf(items, wait);
    const { owners, several } = plain;
    const [row] = await this.#client.write(
      statement,
      [toJson(plain.rows), JSON.stringify(owners), several, toJson(rest), wait, this.#aheadMs()],
      [...new Set(items.map(({ owner }) => owner))],
    );
    if (row === undefined) throw new Error("the database gave no answer to a batch of commits");
    // The function answers one object.
    const { at, done, outcomes } = row["answer"] as WireAnswer;
    const carriedOut = new Map(done.map((outcome) => [outcome[0], outcome]));
    return items.map(({ changes: [change], options }, place) => {
      const plainOutcome = carriedOut.get(place);
      if (plainOutcome !== undefined && change !== undefined) return committedFromPlain(at ?? 0, plainOutcome, change);
      const outcome = outcomes[place];
      if (outcome === undefined) throw new Error("the database gave no outcome for a commit");
      return "blocked" in outcome ? outcome : committedFromWire(outcome, options.commitId?.digest);
    });
  }
}

type Batch = { readonly plain: PlainBatch; readonly rest: readonly object[] };

/** One commit alone is cheaper by itself. Those that wait take their locks in one order: they are of one sort. */
function batchOf(items: readonly Item[], wait: boolean): Batch {
  const plain = new PlainBatch();
  const rest: object[] = [];
  for (const [place, item] of items.entries()) {
    if (items.length === 1 || !plain.take(place, item)) rest.push(toRest(item, place));
  }
  return wait && rest.length > 0 ? { plain: new PlainBatch(), rest: items.map(toRest) } : { plain, rest };
}

function toRest({ owner, changes, options, lockOwner }: Item, place: number): object {
  return { ...commitToWire(owner, changes, options, lockOwner), p: place };
}

function toJson(commits: readonly object[]): string | null {
  return commits.length === 0 ? null : JSON.stringify(commits);
}

/** Splits what would make too long a statement. */
function byLength(items: readonly Item[]): readonly (readonly Item[])[] {
  const statements: Item[][] = [];
  let room = 0;
  for (const item of items) {
    const length = lengthOf(item.changes, pieces);
    if (statements.length === 0 || length > room) {
      statements.push([]);
      room = maxLength;
    }
    statements.at(-1)?.push(item);
    room -= length;
  }
  return statements;
}

/** What nobody has given up, which from here on is carried out. */
function taken(items: readonly Item[]): readonly Item[] {
  return items.filter(({ options, caller, onTaken }) => {
    if (options.signal?.aborted === true) {
      // Most have had their answer already; not those that were sent once and found their row held.
      caller.reject(aborted());
      return false;
    }
    onTaken?.();
    return true;
  });
}

/** The one row that a commit is about. Where it is about several, it waits by itself. */
function rowOf({ owner, changes: [change, more], options }: Item): string | undefined {
  const isOne = change !== undefined && more === undefined && options.fence === undefined;
  return isOne ? addressOf(owner, change) : undefined;
}

async function told(item: Item, outcome: Promise<Committed>): Promise<void> {
  await outcome.then(item.caller.resolve, item.caller.reject);
}

/** Hands an outcome on when it is there. */
function tell({ caller }: Item, outcome: Promise<Committed>): void {
  void outcome.then(caller.resolve, caller.reject);
}

/** Whether sending it again can tell, or settle, what came of it: an id makes that happen once. */
function canBeResolved({ options }: Item, error: unknown): error is HoldfastError {
  return options.commitId !== undefined && isHoldfastError(error, "OUTCOME_UNKNOWN");
}

function aborted(): HoldfastError {
  return new HoldfastError("ABORTED", "the caller gave up");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
