/**
 * Commits of this process. Those in flight share a batch: one script call per owner, all calls on their way at once. When
 * the next batch is sent says `pace.ts`.
 */
import type { Change } from "../../record/change.ts";
import type { Owner } from "../../record/record.ts";
import { Aborts, type Settler } from "../../store/abort.ts";
import { lengthOf } from "../../store/commit-length.ts";
import type { CommitOptions, Committed } from "../../store/contract.ts";
import { Drain } from "../../store/drain.ts";
import type { Client } from "./client.ts";
import { commitArguments, onlyFrees } from "./commit-arguments.ts";
import { unreadable } from "./failures.ts";
import type { Keys } from "./keys.ts";
import type { ResolvedRedisOptions } from "./options.ts";
import type { Owners } from "./owners.ts";
import { Pace } from "./pace.ts";
import { committedFromWire, type Wide, type WireOutcome } from "./wire.ts";

/** One call keeps everybody else waiting while it runs, so it is given only so much. */
const maxCommitsPerCall = 64;
const maxLengthPerCall = 1024 * 1024;
const pieces = { step: 64, counter: 64 };

type Item = {
  readonly owner: Owner;
  readonly changes: readonly Change[];
  readonly options: CommitOptions;
  readonly caller: Settler<Committed>;
  /** Called when it is too late to give up. */
  onTaken: (() => void) | undefined;
};

type Call = { readonly owner: Owner; readonly items: readonly Item[]; readonly frees: boolean };

export type CommitterDuties = {
  readonly client: Client;
  readonly keys: Keys;
  readonly owners: Owners;
  readonly clock: () => string;
  readonly options: ResolvedRedisOptions;
};

export class Committer {
  readonly #duties: CommitterDuties;
  readonly #drain: Drain<Item>;
  readonly #pace = new Pace();
  readonly #aborts = new Aborts();

  constructor(duties: CommitterDuties) {
    this.#duties = duties;
    const { maxBatch, maxQueue, lingerMs } = duties.options;
    this.#drain = new Drain({ run: (items) => this.#run(items), maxBatch, maxQueue, lingerMs });
  }

  get queued(): number {
    return this.#drain.queued;
  }

  /** What was sent so far, by size. */
  get batches(): readonly number[] {
    return this.#drain.batches;
  }

  /** Rejects with `ABORTED` where the signal says so before the commit is sent; once it is, its outcome is waited for. */
  commit(owner: Owner, changes: readonly Change[], options: CommitOptions): Promise<Committed> {
    // The one promise of a commit on its way through the store.
    return new Promise((resolve, reject) => {
      const item: Item = { owner, changes, options, caller: { resolve, reject }, onTaken: undefined };
      if (options.signal !== undefined) {
        const taken = this.#aborts.until<void>(options.signal, (settler) => {
          item.onTaken = () => settler.resolve();
        });
        taken.catch(reject);
      }
      const refusal = this.#drain.push(item);
      if (refusal === undefined) return;
      item.onTaken?.();
      reject(refusal);
    });
  }

  /** Resolves once nothing is queued or under way. */
  async idle(): Promise<void> {
    await this.#drain.idle();
    await this.#pace.idle();
  }

  #run(items: readonly Item[]): Promise<void> {
    // Who gave up has been told so.
    const wanted = items.filter(({ options }) => options.signal?.aborted !== true);
    for (const { onTaken } of wanted) onTaken?.();
    return this.#pace.keep(callsOf(wanted).map((call) => this.#send(call)));
  }

  /** One script call, and a second where the owner has to be registered first. Tells every caller; never rejects. */
  async #send({ owner, items, frees }: Call): Promise<void> {
    try {
      const outcomes = await this.#ask(owner, items, frees, false);
      const unregistered = items.filter((_item, index) => outcomes[index]?.[1] === "register");
      const again = unregistered.length === 0 ? [] : await this.#afterRegistering(owner, unregistered, outcomes);
      for (const [index, item] of items.entries()) settle(again[unregistered.indexOf(item)] ?? outcomes[index], item);
    } catch (error) {
      for (const { caller } of items) caller.reject(error);
    }
  }

  async #afterRegistering(
    owner: Owner,
    items: readonly Item[],
    outcomes: readonly WireOutcome[],
  ): Promise<readonly WireOutcome[]> {
    await this.#duties.owners.register(owner, outcomes[0]?.[0] ?? 0);
    return this.#ask(owner, items, false, true);
  }

  async #ask(
    owner: Owner,
    items: readonly Item[],
    frees: boolean,
    isRegistered: boolean,
  ): Promise<readonly WireOutcome[]> {
    const { client, keys, owners, clock } = this.#duties;
    const args = [clock(), isRegistered ? "1" : "0", ...commitArguments(items)];
    const answer = await client.run(frees ? "commitFreeing" : "commit", keys.ofOwner(owner), args);
    const [outcomes, due] = answer as readonly [readonly WireOutcome[], Wide | null];
    if (due !== null) await owners.lookAt(owner, Number(due), outcomes[0]?.[0] ?? Number(due));
    return outcomes;
  }
}

/** One call per owner, or several where that would be too much for one. */
function callsOf(items: readonly Item[]): readonly Call[] {
  const open = new Map<string, { readonly call: Call & { readonly items: Item[] }; room: number }>();
  const calls: Call[] = [];
  for (const item of items) {
    const length = lengthOf(item.changes, pieces);
    const frees = onlyFrees(item.changes);
    const standing = open.get(item.owner);
    // What frees stays in order with its neighbours; only calls of nothing else are let through when the server is full.
    if (
      standing !== undefined &&
      standing.call.frees === frees &&
      standing.call.items.length < maxCommitsPerCall &&
      length <= standing.room
    ) {
      standing.call.items.push(item);
      standing.room -= length;
      continue;
    }
    const call = { owner: item.owner, items: [item], frees };
    calls.push(call);
    open.set(item.owner, { call, room: maxLengthPerCall - length });
  }
  return calls;
}

function settle(outcome: WireOutcome | undefined, { changes, options, caller }: Item): void {
  if (outcome === undefined) {
    caller.reject(new Error("the script gave no outcome for a commit"));
  } else if (outcome[1] === "failed") {
    caller.reject(unreadable(undefined, String(outcome[2]).slice(0, 200)));
  } else {
    caller.resolve(committedFromWire(outcome, changes, options));
  }
}
