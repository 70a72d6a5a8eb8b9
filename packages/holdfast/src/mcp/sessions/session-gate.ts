import { LRUCache } from "lru-cache";

import { slideIsDue } from "../../record/decide.ts";
import type { Owner, RecordSummary } from "../../record/record.ts";
import { ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import { connectionSlide } from "../../state/sessions/connection.ts";
import type { Inbound, Reply } from "../exchange.ts";
import { sessionNotFound, tooManyMisses } from "./answers.ts";
import type { SessionDeps } from "./deps.ts";
import { guesserOf } from "./missed-ids.ts";
import { inStream, readTransportDocument, transportKey } from "./transport-record.ts";
import type { SessionState, WarmSession } from "./warm-session.ts";
import type { WarmSessions } from "./warm-sessions.ts";
import { parseWireId, secretMatches } from "./wire-id.ts";

/** A session whose caller has proven that it is theirs, as it stands. */
export type OpenSession = SessionState & {
  readonly owner: Owner;
  readonly id: string;
  readonly principal: Principal;
};

const maxGone = 10_000;

type Found = {
  readonly state: SessionState;
  /** The record, where it was read just now. */
  readonly read?: { readonly record: RecordSummary; readonly slideIsDue: boolean } | undefined;
};

/**
 * Tells whether a wire id is a session of this caller. Unknown, expired, ended, malformed and foreign are one answer,
 * and none of them changes anything or extends any life (trap F12).
 */
export class SessionGate {
  readonly #deps: SessionDeps;
  readonly #warm: WarmSessions;
  readonly #reading = new Map<string, Promise<Found | undefined>>();
  readonly #sliding = new Map<string, Promise<void>>();
  /** Ids that are known to be over. None of them ever comes back. */
  readonly #gone = new LRUCache<string, true>({ max: maxGone });

  constructor(deps: SessionDeps, warm: WarmSessions) {
    this.#deps = deps;
    this.#warm = warm;
  }

  /** Undefined for everything but a live session of this caller. Throws what the store throws: that is no answer. */
  async find(principal: Principal, wireId: string): Promise<OpenSession | undefined> {
    const parsed = parseWireId(wireId);
    if (parsed === undefined) return this.#countMiss("malformed");
    const owner = ownerOfPrincipal(principal);
    const id = parsed.handle;
    if (this.#gone.has(keyOf(owner, id))) return this.#countMiss("absent");
    const warm = this.#warm.peek(owner, id);
    const known = warm?.trusted(performance.now()) === true ? warm.state : undefined;
    const found = known === undefined ? await this.#read(owner, id, warm) : { state: known };
    if (found === undefined) return this.#countMiss("absent");
    const foreign = foreignBy(found.state, principal, parsed.secret);
    if (foreign !== undefined) {
      this.#deps.tell({ change: "foreign_attempt", reason: foreign }, id);
      this.#countMiss(foreign);
      return undefined;
    }
    if (this.#gone.has(keyOf(owner, id))) return this.#countMiss("absent");
    // Only now: who has proven nothing extends no life.
    if (found.read?.slideIsDue === true) this.#slide(owner, id);
    if (found.read !== undefined) this.#deps.hold.noteTransport(owner, found.read.record);
    return { ...found.state, owner, id, principal };
  }

  /** The answer to an id that is no session of this caller. Who keeps trying other ids is told to wait. */
  missed(inbound: Pick<Inbound, "principal" | "address">, wireId: string): Reply {
    const waitSeconds = this.#deps.missed.note(guesserOf(inbound), wireId);
    return waitSeconds === undefined ? sessionNotFound() : tooManyMisses(waitSeconds);
  }

  /** A session has ended: nothing that was read before counts any more. */
  forget(owner: Owner, id: string): void {
    this.#gone.set(keyOf(owner, id), true);
  }

  /** Resolves once nothing is under way in the background. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#sliding.values());
  }

  #countMiss(reason: "malformed" | "absent" | "secret" | "client"): undefined {
    this.#deps.telemetry.metrics?.record("holdfast.session.missed", 1, { reason });
  }

  /** One read however many ask at once. */
  #read(owner: Owner, id: string, warm: WarmSession | undefined): Promise<Found | undefined> {
    const key = keyOf(owner, id);
    let reading = this.#reading.get(key);
    if (reading === undefined) {
      reading = this.#readOnce(owner, id, warm).finally(() => this.#reading.delete(key));
      this.#reading.set(key, reading);
    }
    return reading;
  }

  async #readOnce(owner: Owner, id: string, warm: WarmSession | undefined): Promise<Found | undefined> {
    const { store, options } = this.#deps;
    const started = performance.now();
    const { record, at } = await store.read(owner, transportKey(id), {
      signal: AbortSignal.timeout(options.deadlineMs),
    });
    if (record === undefined) {
      this.#warm.end(owner, id);
      return undefined;
    }
    const state: SessionState = {
      document: readTransportDocument(record.document),
      version: record.version,
      inboxHead: record.streams.get(inStream)?.head ?? 0,
    };
    await warm?.verified(state, started);
    return { state, read: { record, slideIsDue: slideIsDue(record, at) } };
  }

  /** Both records of a session slide together. A failed slide fails no request: the next one tries again. */
  #slide(owner: Owner, id: string): void {
    const key = keyOf(owner, id);
    if (this.#sliding.has(key)) return;
    const sliding: Promise<void> = this.#deps.store
      .commit(owner, connectionSlide(id))
      .then(() => undefined, this.#deps.onError)
      .finally(() => this.#sliding.delete(key));
    this.#sliding.set(key, sliding);
  }
}

function keyOf(owner: Owner, id: string): string {
  return `${owner}/${id}`;
}

/** Why a session is not this caller's; undefined if it is. */
function foreignBy({ document }: SessionState, principal: Principal, secret: string): "secret" | "client" | undefined {
  // Both are looked at whatever the first says, so that time tells nothing.
  const client = document.clientId === (principal.clientId ?? null);
  const secrets = secretMatches(secret, document.secretHash);
  if (!secrets) return "secret";
  return client ? undefined : "client";
}
