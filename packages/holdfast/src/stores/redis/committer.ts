/**
 * Commits of this process. Those in flight share a batch: one script call per owner, all calls on their way at once. The
 * next batch is sent while this one is under way, so that neither side waits for the other; the one after that waits for
 * this one, though never for long.
 */
import type { Change } from "../../record/change.ts";
import { HoldfastError } from "../../record/errors.ts";
import type { Owner } from "../../record/record.ts";
import { Aborts } from "../../store/abort.ts";
import { Batcher, type Settle } from "../../store/batcher.ts";
import type { CommitOptions, Committed } from "../../store/contract.ts";
import type { Client } from "./client.ts";
import type { Keys } from "./keys.ts";
import type { ResolvedRedisOptions } from "./options.ts";
import type { Owners } from "./owners.ts";
import { atMost } from "./patience.ts";
import { charactersOf, committedFromWire, onlyFrees, putCommit, type Wide, type WireOutcome } from "./wire.ts";

/** One call keeps everybody else waiting while it runs, so it is given only so much. */
const maxCommitsPerCall = 64;
const maxCharactersPerCall = 1024 * 1024;
/** A batch waits for the one before the last so long. */
const patienceMs = 20;

type Item = {
  readonly owner: Owner;
  readonly changes: readonly Change[];
  readonly options: CommitOptions;
  /** Called when it is too late to give up. */
  readonly onTaken: () => void;
};

/** Settles by itself: a batch may be over while some of its commits still wait for their answer. */
type Pending = { readonly settled: Promise<Committed> };

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
  readonly #batcher: Batcher<Item, Pending>;
  readonly #aborts = new Aborts();
  /** The batch sent last. */
  #sent: Promise<unknown> = Promise.resolve();

  constructor(duties: CommitterDuties) {
    this.#duties = duties;
    const { maxBatch, maxQueue, lingerMs } = duties.options;
    this.#batcher = new Batcher({ run: (items) => this.#run(items), maxBatch, maxQueue, lingerMs });
  }

  get queued(): number {
    return this.#batcher.queued;
  }

  /** What was sent so far, by size. */
  get batches(): readonly number[] {
    return this.#batcher.batches;
  }

  /** Rejects with `ABORTED` where the signal says so before the commit is sent; once it is, its outcome is waited for. */
  async commit(owner: Owner, changes: readonly Change[], options: CommitOptions): Promise<Committed> {
    let outcome: Promise<Committed> | undefined;
    await this.#aborts.until<void>(options.signal, ({ resolve, reject }) => {
      outcome = this.#batcher.add({ owner, changes, options, onTaken: resolve }).then(({ settled }) => settled);
      outcome.then(() => resolve(), reject);
    });
    return await (outcome ?? Promise.reject(aborted()));
  }

  async #run(items: readonly Item[]): Promise<readonly Settle<Pending>[]> {
    const settled = new Map<Item, Promise<Committed>>();
    const wanted = items.filter(({ options }) => options.signal?.aborted !== true);
    for (const { onTaken } of wanted) onTaken();
    const calls: Promise<unknown>[] = [];
    for (const call of callsOf(wanted)) {
      const outcomes = this.#send(call);
      calls.push(outcomes.catch(() => undefined));
      for (const [index, item] of call.items.entries()) {
        const own = outcomes.then((all) => all[index] ?? Promise.reject(aborted()));
        // Its caller hears of it; the batch need not.
        own.catch(() => undefined);
        settled.set(item, own);
      }
    }
    const before = this.#sent;
    this.#sent = Promise.all(calls);
    await atMost(patienceMs, before);
    return items.map((item) => ({ value: { settled: settled.get(item) ?? Promise.reject(aborted()) } }));
  }

  /** One script call. Gives each commit its own promise. */
  async #send({ owner, items, frees }: Call): Promise<readonly Promise<Committed>[]> {
    const outcomes = await this.#ask(owner, items, frees, false);
    const unregistered = items.filter((_item, index) => outcomes[index]?.[1] === "register");
    const again = unregistered.length === 0 ? [] : await this.#afterRegistering(owner, unregistered, outcomes);
    return items.map((item, index) => {
      const outcome = again[unregistered.indexOf(item)] ?? outcomes[index];
      return settle(outcome, item);
    });
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
    const args = [clock(), isRegistered ? "1" : "0", String(items.length)];
    for (const { changes, options } of items) putCommit(args, changes, options);
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
    const length = charactersOf(item.changes);
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
    open.set(item.owner, { call, room: maxCharactersPerCall - length });
  }
  return calls;
}

function settle(outcome: WireOutcome | undefined, { changes, options }: Item): Promise<Committed> {
  if (outcome === undefined) return Promise.reject(new Error("the script gave no outcome for a commit"));
  if (outcome[1] !== "failed") return Promise.resolve(committedFromWire(outcome, changes, options));
  const failed = new HoldfastError("STORE_CORRUPT", "a commit failed inside Redis: what stands there is not as left", {
    details: { reply: String(outcome[2]).slice(0, 200) },
  });
  return Promise.reject(failed);
}

function aborted(): HoldfastError {
  return new HoldfastError("ABORTED", "the caller gave up");
}
