import type { Owner, RecordKey } from "../record/record.ts";
import type { Principal } from "../security/principal.ts";
import type { SealingKeys } from "../security/sealing/keys.ts";
import type { SealAlarm } from "../security/sealing/sealer.ts";
import type { Store, Usage } from "../store/contract.ts";
import type { StoreHealth, StoreTraits } from "../store/traits.ts";
import type { StateChange } from "../telemetry/state-change.ts";
import type { TelemetryOptions } from "../telemetry/telemetry.ts";
import type { DisposableLimits } from "./disposables/types.ts";
import type { AnyKind, State } from "./kind.ts";
import type { HoldLimits } from "./limits.ts";
import type { StepUps } from "./step-up/types.ts";
import type { Duration, Sessions } from "./types.ts";

/** A change that somebody else came before. Fit for logs: the id is a hash. */
export type ConflictReport = {
  readonly kind: string;
  readonly idHash: string;
  /** The tool that was being served, where one was. */
  readonly tool?: string;
  /** How often the change had been tried again before this. */
  readonly retries: number;
};

/** Something whoever runs the server should know of, in a sentence. */
export type HoldWarning = {
  readonly code: "many-conflicts" | MemoryWarning | SealAlarm["code"];
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
};

/** Memory of this process has become short, what is done about it, or that it is over. */
export type MemoryWarning = "memory-high" | "memory-shedding" | "memory-refusing" | "memory-eased";

/** The state of an application: a store with the kinds that live in it. Made by `holdfast()`. */
export interface Hold<Kinds extends readonly AnyKind[] = readonly AnyKind[]> extends AsyncDisposable {
  /** What the store is and promises. Constant over the hold's life. */
  readonly traits: StoreTraits;
  readonly kinds: Kinds;
  readonly limits: HoldLimits;
  /** The lifetime of a session: defaults of the hold, in milliseconds. */
  readonly sessionLifetime: SessionLifetime;
  /** The records of one principal. Cheap: make one per request. */
  state(principal: Principal): State<Kinds>;
  /** The sessions of one principal. Cheap: make one per request. */
  sessions(principal: Principal): Sessions;
  /** What one principal confirmed out of band, for the page where that is done and for log-outs. */
  stepUps(principal: Principal): StepUps;
  /** What the principal has now. Counts are exact. */
  usage(principal: Principal, options?: { readonly signal?: AbortSignal }): Promise<Usage>;
  health(options?: { readonly signal?: AbortSignal }): Promise<StoreHealth>;
  /** What has happened in this process since the hold was opened. */
  readonly counts: HoldCounts;
  /**
   * Calls the listener with records that this process ended or reaped, so that caches can drop them. Returns how to stop.
   *
   * Of what other processes did, it hears of sessions only, and only where the store's hints carry text; those of a
   * SQLite file do not. What it hears of may come late, more than once or never, so a cache has to verify what it holds.
   */
  onEnded(listener: EndedListener): () => void;
  /** Stops the reaper, closes values of sessions, writes what turns wait, and closes the store if this hold opened it. Idempotent. */
  close(): Promise<void>;
}

/** How long sessions live: since their last use, and since they were made. */
export type SessionLifetime = { readonly idleMs: number; readonly absoluteMs: number };

/** A record that is over, and why. */
export type EndedRecord = RecordKey & { readonly owner: Owner; readonly cause: "ended" | "expired" };

/** Told of a record that is over, as far as this process hears of it: what others tell may be lost. */
export type EndedListener = (ended: EndedRecord) => void;

/** What a hold has counted since it was opened: `hold.counts`. Numbers only grow. */
export type HoldCounts = {
  /** Conditional commits refused because somebody else came first. */
  readonly conflicts: number;
  /** Updates that were run again after a conflict. */
  readonly retries: number;
  /** Commits that depended on what was read before. */
  readonly updates: number;
  /** Updates that were through after 0, 1, … 9 retries, and after 10 or more. */
  readonly retriesPerUpdate: readonly number[];
  /** Leases taken for updates that had conflicted again and again. */
  readonly updateLeases: number;
  /** Locks that were taken in this process and are held still, as far as it knows. */
  readonly locks: number;
  /** Slides of an expiry that failed; the reads they belonged to did not. */
  readonly slideFailures: number;
  readonly turnsWritten: number;
  /** Turns given up: the queue was full, the session had ended, or the store refused. */
  readonly turnsLost: number;
  /** Values of sessions that this process has, those that are made or closed included. */
  readonly disposables: number;
  /** Values of sessions whose closing failed or took too long. */
  readonly disposableFailures: number;
  readonly reaped: number;
};

/**
 * What a hold is made of; only `store` is needed. Durations are milliseconds or texts such as `"24h"`. An unknown name (with
 * the nearest one) and a value that cannot be throw `INVALID_ARGUMENT`, before the store is opened.
 */
export type HoldOptions<Kinds extends readonly AnyKind[] = readonly []> = {
  /** `memory:`, `sqlite:PATH`, or a store that is open already (and that stays the caller's to close). */
  readonly store: string | Store;
  /** The kinds of records that `state` has, by their names. Default: none, and sessions, locks and channels all the same. */
  readonly kinds?: Kinds;
  /** What one principal may have, each with a default in `holdDefaults`; beyond it is `QUOTA_EXCEEDED`. */
  readonly limits?: Partial<HoldLimits>;
  /** How long sessions live. Default: 24 hours idle, 30 days in all. */
  readonly sessions?: { readonly idle?: Duration; readonly absolute?: Duration };
  /** How many values sessions may have in this process (`session.disposable`), and how long making and closing one may take. */
  readonly disposables?: Partial<DisposableLimits>;
  /** Removal of what has expired. Default: about once a minute. `false` leaves it to somebody else. */
  readonly reap?: false | { readonly every?: Duration; readonly batch?: number };
  /** Where metrics and spans go. Default: what is registered with the OpenTelemetry API by now; `false`: nowhere. */
  readonly telemetry?: TelemetryOptions | false;
  /** Called with each change of state worth a line in a log, made by this process: ids are hashed. */
  readonly onStateChange?: (change: StateChange) => void;
  /** Called with each conflict. */
  readonly onConflict?: (report: ConflictReport) => void;
  /** The keys that seal what is stored. Needed where a kind says `sealed`. */
  readonly sealing?: SealingOptions;
  /**
   * Called once a minute at most while more than five in a hundred updates conflict; once a minute at most for each
   * record that does not open, which is an alarm; and as memory of this process becomes short, or is no longer.
   */
  readonly onWarning?: (warning: HoldWarning) => void;
  /** Called with failures that no caller is there to hear of: of the reaper, of turns, of listeners. */
  readonly onError?: (error: unknown) => void;
};

/** What is sealed at rest, and by which keys: `holdfast({ sealing })`. */
export type SealingOptions = {
  readonly keys: SealingKeys;
  /** Seal every kind, sessions and their output included, and not only those that say so. Default false. */
  readonly everything?: boolean;
  /**
   * Let through what was stored before it was sealed. Default false: whoever can write to the store could otherwise put
   * plain text in the place of what was sealed. `resealStore` seals it.
   */
  readonly acceptUnsealed?: boolean;
};
