import type { CallOptions } from "../types.ts";

/** Something a principal was asked to confirm, on a page outside of the protocol. */
export type StepUpRequest = {
  readonly purpose: string;
  /** What the client calls itself that wants to do it, where it said so: show it to the user. */
  readonly client?: string;
  readonly askedAt: Date;
};

/** A purpose that was confirmed and has not lapsed. */
export type Confirmation = {
  readonly purpose: string;
  readonly confirmedAt: Date;
  readonly lapsesAt: Date;
};

/**
 * The confirmations of one principal, for the page that a user is sent to. Make it for whoever is signed in *there*: a
 * request of anybody else is not found, so nobody can be talked into confirming what somebody else asked for.
 */
export interface StepUps {
  /** What a request is about. Undefined where there is none of this principal, or none any more. */
  request(request: string, options?: CallOptions): Promise<StepUpRequest | undefined>;
  /**
   * Confirms, once: the session that asked may do what needs the purpose until it lapses, on every node. Throws
   * `NOT_FOUND` for a request that is unknown, used, too old, or somebody else's: all the same.
   */
  confirm(request: string, options?: CallOptions): Promise<Confirmation>;
  /** Takes a request back. False if there was none. */
  decline(request: string, options?: CallOptions): Promise<boolean>;
  /** What was confirmed and stands, in all sessions. */
  list(options?: CallOptions): Promise<readonly Confirmation[]>;
  /** Log-out: from here on every session has to ask anew, for one purpose or for all. Says how many stood. */
  revoke(purpose?: string, options?: CallOptions): Promise<number>;
}

/** The same for the session that is being served, within a tool. */
export interface SessionStepUp {
  /** Undefined where the purpose was not confirmed, has lapsed, or was revoked. */
  confirmed(purpose: string, options?: CallOptions): Promise<Confirmation | undefined>;
  /** Log-out of this session, from one purpose or from all. Says how many stood. */
  revoke(purpose?: string, options?: CallOptions): Promise<number>;
}
