import type { Owner, RecordSummary } from "../record/record.ts";
import type { Secrets } from "../security/sealing/secrets.ts";
import type { Quota, ReapedRecord, Store } from "../store/contract.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { CallContext } from "./call-context.ts";
import type { Hold, HoldWarning } from "./hold.ts";
import type { OnceWork } from "./once/once.ts";
import type { OnceCall } from "./once/types.ts";
import type { Seat } from "./step-up/seat.ts";
import type { Turn } from "./types.ts";

/**
 * A hold as the serving layer sees it: what takes owners or reaches the store, and therefore is no part of the face that
 * authors have. `servingHold` gives it.
 */
export type ServingHold = Pick<Hold, "sessions" | "onEnded" | "limits" | "sessionLifetime"> & {
  /** Resolves unknown outcomes itself, where it can. */
  readonly store: Store;
  /** Seals what the engine keeps secret in the store. Undefined where nothing is sealed. */
  readonly secrets: Secrets | undefined;
  readonly turns: Turns;
  readonly telemetry: Telemetry;
  /**
   * Calls the listener with what this process's reaper found expired, batch by batch, each record once. Of what others
   * found it hears nothing.
   */
  onExpired(listener: ExpiredListener): () => void;
  /** Tells whoever runs the server. Never throws. */
  warn(warning: HoldWarning): void;
  /** Somebody serves this hold. What is returned says that it no longer does: the last one closes the values of sessions. */
  attach(): () => Promise<void>;
  /** As `state.once`, for an owner. */
  callOnce<T>(owner: Owner, call: OnceCall, work: OnceWork<T>): Promise<T>;
  /** Where confirmations of a session or client count. */
  seat(owner: Owner, name: string): Seat;
  /** The quota of a commit that creates a session. */
  readonly sessionQuota: Quota;
  /** Runs a tool, so that whatever it does to records is known to be done by this call. */
  readonly withinCall: <Result>(call: CallContext, fn: () => Result) => Result;
  /** Takes note of how long the transport of a session lives, which was just read: a change of the session need not look. */
  noteTransport(owner: Owner, transport: RecordSummary): void;
  /** Tells listeners, here and elsewhere, that a connection's session was ended by a commit of the serving layer. */
  announceEnded(owner: Owner, sessionId: string): void;
};

/** Must not throw. */
export type ExpiredListener = (expired: readonly ReapedRecord[]) => void;

/** Records turns of sessions behind the caller's back: in small batches, 25 ms later or as soon as the store has taken those before. */
export interface Turns {
  /** Never throws and never waits. Inputs and previews of any size may be given: what is kept of them is decided here. */
  record(owner: Owner, sessionId: string, turn: Turn): void;
  /** Resolves once everything recorded so far is written or given up. */
  flush(): Promise<void>;
}
