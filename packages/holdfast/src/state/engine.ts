import { LRUCache } from "lru-cache";

import type { Change } from "../record/change.ts";
import { HoldfastError, isHoldfastError } from "../record/errors.ts";
import type { Owner, RecordKey, RecordSummary } from "../record/record.ts";
import type {
  CommitOptions,
  Committed,
  EventsOptions,
  EventsPage,
  ListOptions,
  ListPage,
  Quota,
  ReadAnswer,
  ReadOptions,
  Store,
  Usage,
} from "../store/contract.ts";
import { Telemetry } from "../telemetry/telemetry.ts";
import type { Applied } from "./applied.ts";
import type { CallContext } from "./call-context.ts";
import { ConflictLog, type ConflictLogOptions } from "./conflicts.ts";
import { ContextLocal } from "./context-local.ts";
import type { KindDefinition } from "./definition.ts";
import { hashed } from "./document.ts";
import { Ended } from "./ended.ts";
import { KeyedMutex } from "./keyed-mutex.ts";
import { LeaseDesk } from "./leases/desk.ts";
import type { HoldLimits } from "./limits.ts";
import type { RunningCall } from "./once/once.ts";
import { conflict, refusalError } from "./refusals.ts";
import { type LeasesOfUpdates, noUpdateLeases, UpdateLeases } from "./update-lease.ts";

/** How long a record lives. Expiries only ever move on, so what was read once stays a lower bound. */
export type Lives = Pick<RecordSummary, "lifetime" | "expiresAt" | "deadlineAt">;

/** Counts of one process, all growing. */
export type EngineCounts = { slideFailures: number };

/** How hard an update tries before it gives up with `CONTENTION`. */
export type Persistence = {
  readonly maxAttempts: number;
  readonly maxMs: number;
  readonly baseMs: number;
  readonly capMs: number;
  /** Conflicts of one update after which it takes the record's lease. */
  readonly leaseAfter: number;
};

const persistence: Persistence = { maxAttempts: 24, maxMs: 10_000, baseMs: 2, capMs: 250, leaseAfter: 3 };

export type EngineOptions = {
  readonly store: Store;
  readonly limits: HoldLimits;
  readonly onError: (error: unknown) => void;
  readonly hear?: Pick<ConflictLogOptions, "onConflict" | "onWarning">;
  readonly telemetry?: Telemetry;
};

/**
 * What everything in the state layer shares: the store, which resolves unknown outcomes itself where it can, seen
 * through one door that knows whether the hold is still open.
 */
export class Engine {
  readonly store: Store;
  readonly limits: HoldLimits;
  readonly onError: (error: unknown) => void;
  readonly mutex: KeyedMutex;
  readonly persistence: Persistence = persistence;
  readonly counts: EngineCounts;
  readonly conflicts: ConflictLog;
  /** Calls that count once and are under way in this process, by address. */
  readonly running: Map<string, RunningCall> = new Map();
  /** The tool call that is being served. */
  readonly calls: ContextLocal<CallContext>;
  readonly ended: Ended;
  readonly telemetry: Telemetry;
  readonly leases: LeaseDesk;
  readonly updateLeases: LeasesOfUpdates;
  /** For records whose slide is under way, so that many readers at once slide once. */
  readonly sliding: Set<string>;
  /** When records that have a companion were last seen to expire, by address: whether a change slid one is told by this. */
  readonly expiries: LRUCache<string, number>;
  /** How long the companions of records live at least, as they were last read, by the address of the record. */
  readonly companionLives: LRUCache<string, Lives>;
  readonly #growth: Quota;
  readonly #host: Engine | undefined;
  #closed = false;

  /** @param host whose everything but the store this engine shares: see `through`. */
  constructor({ store, limits, onError, hear, telemetry }: EngineOptions, host?: Engine) {
    this.store = store;
    this.limits = limits;
    this.onError = onError;
    this.telemetry =
      host?.telemetry ?? telemetry ?? new Telemetry({ options: false, onStateChange: undefined, onError });
    this.mutex = host?.mutex ?? new KeyedMutex({ maxWaiting: 1_000, maxWaitMs: persistence.maxMs });
    this.counts = host?.counts ?? { slideFailures: 0 };
    this.conflicts =
      host?.conflicts ?? new ConflictLog({ onConflict: hear?.onConflict, onWarning: hear?.onWarning, onError });
    this.calls = host?.calls ?? new ContextLocal<CallContext>();
    this.ended = host?.ended ?? new Ended(store, onError);
    this.leases = host?.leases ?? new LeaseDesk(store, onError);
    this.updateLeases = host === undefined ? new UpdateLeases(this) : noUpdateLeases;
    this.sliding = host?.sliding ?? new Set();
    this.expiries = host?.expiries ?? new LRUCache({ max: 10_000 });
    this.companionLives = host?.companionLives ?? new LRUCache({ max: 10_000 });
    this.#host = host;
    this.#growth = { bytes: limits.maxBytes };
  }

  /** Whether this engine reaches one record of another owner and nothing else. */
  get isGuest(): boolean {
    return this.#host !== undefined;
  }

  /** The same engine over a store that lets less through. It takes no leases: those are the owner's. */
  through(store: Store): Engine {
    return new Engine({ store, limits: this.limits, onError: this.onError }, this);
  }

  /** Refuses everything from now on. What is under way goes on. */
  close(): void {
    this.#closed = true;
    this.ended.close();
  }

  /** The quota of a commit that may create a record of this kind. */
  creationQuota(kind: KindDefinition): Quota {
    const { maxRecords, maxBytes } = this.limits;
    return {
      records: maxRecords,
      bytes: maxBytes,
      ...(kind.maxRecords !== undefined && { ofKind: { [kind.name]: kind.maxRecords } }),
    };
  }

  /** The quota of a commit that writes documents or events. */
  get growthQuota(): Quota {
    return this.#growth;
  }

  read(owner: Owner, key: RecordKey, options: ReadOptions): Promise<ReadAnswer> {
    this.#refuseIfClosed();
    return this.store.read(owner, key, options);
  }

  events(owner: Owner, key: RecordKey, stream: string, options: EventsOptions): Promise<EventsPage | undefined> {
    this.#refuseIfClosed();
    return this.store.events(owner, key, stream, options);
  }

  list(owner: Owner, kind: string, options: ListOptions): Promise<ListPage> {
    this.#refuseIfClosed();
    return this.store.list(owner, kind, options);
  }

  async usage(owner: Owner, options: { readonly signal?: AbortSignal | undefined }): Promise<Usage> {
    this.#refuseIfClosed();
    return await this.store.usage(owner, options);
  }

  commit(owner: Owner, changes: readonly Change[], options: CommitOptions): Promise<Committed> {
    this.#refuseIfClosed();
    return this.store.commit(owner, changes, options);
  }

  /** Commits, and turns a refusal into the error that says why. */
  async apply(owner: Owner, changes: readonly Change[], options: CommitOptions): Promise<Applied> {
    const committed = await this.commit(owner, changes, options);
    if (committed.ok) return committed;
    const { refusal } = committed;
    const [first] = changes;
    if (refusal.reason === "version" && first !== undefined) this.conflict(first, 0);
    throw refusal.reason === "version" && typeof refusal.expected === "number" && refusal.actual !== undefined
      ? conflict(refusal.expected, refusal.actual)
      : refusalError(refusal);
  }

  /** Somebody else was first at a record, after so many retries of this change. */
  conflict({ kind, id }: RecordKey, retries: number): void {
    const report = { ...this.#subject(kind, id), retries };
    this.telemetry.metrics?.record("holdfast.update.conflicts", 1, { kind });
    this.telemetry.change({ change: "conflict", ...report });
    this.conflicts.conflict(report);
  }

  /** A change gave up after so many retries. */
  exhausted({ kind, id }: RecordKey, retries: number): void {
    this.telemetry.metrics?.record("holdfast.update.exhausted", 1, { kind });
    this.telemetry.change({ change: "conflict_exhausted", ...this.#subject(kind, id), retries });
  }

  /**
   * Runs a change of a record alone in this process, after those who came before. Throws `CONTENTION` where they take too
   * long or are too many, which is told; `ABORTED` if the caller gives up waiting.
   */
  async alone<Result>(
    address: string,
    { kind, id }: RecordKey,
    signal: AbortSignal | undefined,
    fn: () => Promise<Result>,
  ): Promise<Result> {
    let isIn = false;
    try {
      return await this.mutex.run(address, signal, () => {
        isIn = true;
        return fn();
      });
    } catch (error) {
      // What the change itself gave up for it has told.
      if (!isIn && isHoldfastError(error, "CONTENTION")) {
        const reason = "waitedMs" in error.details ? "waited" : "crowded";
        this.telemetry.metrics?.record("holdfast.update.turned_away", 1, { kind, reason });
        this.telemetry.change({ change: "turned_away", ...this.#subject(kind, id), reason });
      }
      throw error;
    }
  }

  /** An update is through after so many retries. */
  settled(retries: number): void {
    this.conflicts.settled(retries);
    this.telemetry.metrics?.record("holdfast.update.retries", retries);
  }

  #subject(kind: string, id: string): { readonly kind: string; readonly idHash: string; readonly tool?: string } {
    const tool = this.calls.get()?.tool;
    return { kind, idHash: hashed(id), ...(tool !== undefined && { tool }) };
  }

  #refuseIfClosed(): void {
    if (this.#host !== undefined) this.#host.#refuseIfClosed();
    if (this.#closed) throw new HoldfastError("CLOSED", "the hold is closed");
  }
}
