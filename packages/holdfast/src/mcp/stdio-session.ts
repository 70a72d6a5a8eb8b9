import { isHoldfastError } from "../record/errors.ts";
import { localUser, ownerOfPrincipal } from "../security/principal.ts";
import type { DisposableOptions, MakeDisposable } from "../state/disposables/types.ts";
import { connectionSlide } from "../state/sessions/connection.ts";
import type { Session } from "../state/types.ts";
import { createConnectionSession, type Negotiated } from "./sessions/create-session.ts";
import type { SessionHold } from "./sessions/hold.ts";
import { mintWireId, type WireId } from "./sessions/wire-id.ts";

/** Part of its idle lifetime after which a session slides again: no store slides earlier. */
const slidesPerLifetime = 20;

/**
 * The session of a stdio connection. It does not expire as long as requests of whatever kind arrive, and where it is
 * gone all the same (expired while the machine slept, or ended) another takes its place: a stdio client is never told
 * to initialize again, so it would have none until it is restarted.
 */
export class StdioSession implements Session {
  readonly #hold: SessionHold;
  readonly #onError: (error: unknown) => void;
  readonly #first: WireId = mintWireId();
  #current: Session;
  #negotiated: Negotiated | undefined;
  /** By the wall clock: other clocks may stop while the machine sleeps. */
  #slideAt = 0;
  #sliding: Promise<void> | undefined;
  #renewing: Promise<Session> | undefined;

  /** Nothing is read or written yet: until `begin` this names a session that does not exist. */
  constructor(hold: SessionHold, onError: (error: unknown) => void) {
    this.#hold = hold;
    this.#onError = onError;
    this.#current = hold.sessions(localUser).open(this.#first.handle);
  }

  /** Another one after the session was replaced. */
  get id(): string {
    return this.#current.id;
  }

  /** Makes the session. Throws what `createConnectionSession` throws. */
  async begin(negotiated: Negotiated): Promise<void> {
    await createConnectionSession(this.#hold, localUser, { ...negotiated, id: this.#first });
    this.#negotiated = negotiated;
    this.#slideLater();
  }

  /** A request has arrived. Neither waits nor throws. */
  touch(): void {
    if (this.#negotiated === undefined || this.#sliding !== undefined || Date.now() < this.#slideAt) return;
    this.#sliding = this.#slide()
      .catch(this.#onError)
      .finally(() => {
        this.#sliding = undefined;
      });
  }

  /** Resolves once nothing is under way in the background. */
  async idle(): Promise<void> {
    await this.#sliding;
  }

  view: Session["view"] = (...given) => this.#do((session) => session.view(...given));
  get: Session["get"] = (...given) => this.#do((session) => session.get(...given));
  set: Session["set"] = (...given) => this.#do((session) => session.set(...given));
  delete: Session["delete"] = (...given) => this.#do((session) => session.delete(...given));
  keys: Session["keys"] = (...given) => this.#do((session) => session.keys(...given));
  setPreference: Session["setPreference"] = (...given) => this.#do((session) => session.setPreference(...given));
  increment: Session["increment"] = (...given) => this.#do((session) => session.increment(...given));
  record: Session["record"] = (...given) => this.#do((session) => session.record(...given));
  context: Session["context"] = (...given) => this.#do((session) => session.context(...given));
  recentContext: Session["recentContext"] = (...given) => this.#do((session) => session.recentContext(...given));
  summary: Session["summary"] = (...given) => this.#do((session) => session.summary(...given));
  summarize: Session["summarize"] = (...given) => this.#do((session) => session.summarize(...given));
  clear: Session["clear"] = (...given) => this.#do((session) => session.clear(...given));
  dispose: Session["dispose"] = (...given) => this.#current.dispose(...given);
  end: Session["end"] = (...given) => this.#current.end(...given);

  async disposable<Value>(
    name: string,
    make: MakeDisposable<Value>,
    options: DisposableOptions<Value> = {},
  ): Promise<Value> {
    // One of the two forms in which it may be called: how to close the value is said, or found out when it is there.
    const given = options as DisposableOptions<Value> & { readonly dispose: (value: Value) => unknown };
    return await this.#do((session) => session.disposable(name, make, given));
  }

  async #do<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#current;
    try {
      return await work(session);
    } catch (error) {
      if (this.#negotiated === undefined || !isHoldfastError(error, "NOT_FOUND")) throw error;
      return await work(await this.#insteadOf(session, this.#negotiated));
    }
  }

  async #slide(): Promise<void> {
    const session = this.#current;
    const committed = await this.#hold.store.commit(ownerOfPrincipal(localUser), connectionSlide(session.id));
    this.#slideLater();
    const isGone = !committed.ok && committed.refusal.reason === "version" && committed.refusal.index === 0;
    if (isGone && this.#negotiated !== undefined) await this.#insteadOf(session, this.#negotiated);
  }

  #slideLater(): void {
    this.#slideAt = Date.now() + this.#hold.sessionLifetime.idleMs / slidesPerLifetime;
  }

  /** The session that took the place of one that is gone: one, however many find out at once. */
  async #insteadOf(gone: Session, negotiated: Negotiated): Promise<Session> {
    if (this.#current !== gone) return this.#current;
    this.#renewing ??= this.#renew(negotiated).finally(() => {
      this.#renewing = undefined;
    });
    return await this.#renewing;
  }

  async #renew(negotiated: Negotiated): Promise<Session> {
    const { sessionId } = await createConnectionSession(this.#hold, localUser, negotiated);
    this.#current = this.#hold.sessions(localUser).open(sessionId);
    this.#slideLater();
    return this.#current;
  }
}
