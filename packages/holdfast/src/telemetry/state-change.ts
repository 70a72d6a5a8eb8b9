/**
 * What happened to state, in words for a log. Ids are hashed: enough to tell records apart, and nothing that could be used
 * as a handle. Only kinds of the hold and sessions are told of; of what the engine keeps for itself, confirmations alone.
 */
export type StateChange = StateChangeOf & {
  readonly kind: string;
  readonly idHash: string;
  /** The tool that was being served, where one was. */
  readonly tool?: string;
};

type StateChangeOf =
  | { readonly change: "created" | "ended" | "expired" }
  /** This node took up a session that stood in the store. */
  | { readonly change: "adopted" }
  /** This node gave up the warm instance of a session to make room; the session stands. */
  | { readonly change: "evicted" }
  /** Somebody named a session of the same owner without its secret, or as another client. */
  | { readonly change: "foreign_attempt"; readonly reason: "secret" | "client" }
  /** Somebody else changed the record first. */
  | { readonly change: "conflict"; readonly retries: number }
  /** An update gave up. */
  | { readonly change: "conflict_exhausted"; readonly retries: number }
  /** A change gave up in the queue of its record in this process: those before it took too long, or too many waited already. */
  | { readonly change: "turned_away"; readonly reason: "waited" | "crowded" }
  /** A newer connection took the session's stream over. */
  | { readonly change: "takeover" }
  /** A user confirmed a purpose out of band, declined it, or took the confirmation back (log-out). */
  | { readonly change: "step_up_confirmed" | "step_up_declined" | "step_up_revoked"; readonly purpose: string };
