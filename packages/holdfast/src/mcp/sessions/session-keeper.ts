import type { Owner } from "../../record/record.ts";
import { connectionSlide } from "../../state/sessions/connection.ts";
import type { SessionDeps } from "./deps.ts";

export type KeptSession = { readonly owner: Owner; readonly id: string };

/**
 * Keeps sessions alive whose calls are under way here. Requests slide a session, and while it waits for a long call a
 * client sends none: without this, a call that takes longer than a session may be idle would end in no session at all.
 */
export class SessionKeeper {
  readonly #deps: Pick<SessionDeps, "store" | "hold" | "onError">;
  /** When to slide next, by the monotonic clock. Only what is kept now is remembered. */
  #due = new Map<string, number>();

  constructor(deps: Pick<SessionDeps, "store" | "hold" | "onError">) {
    this.#deps = deps;
  }

  /** To be told regularly of the sessions that are to be kept. */
  keep(sessions: Iterable<KeptSession>, now: number): void {
    const { idleMs } = this.#deps.hold.sessionLifetime;
    const before = this.#due;
    this.#due = new Map();
    for (const { owner, id } of sessions) {
      const key = `${owner}/${id}`;
      if (this.#due.has(key)) continue;
      const due = before.get(key);
      this.#due.set(key, due === undefined || due <= now ? now + idleMs / 20 : due);
      if (due !== undefined && due <= now) this.#slide(owner, id);
    }
  }

  /** Refused once the session is over, which its call will find out by itself. */
  #slide(owner: Owner, id: string): void {
    this.#deps.store.commit(owner, connectionSlide(id)).catch(this.#deps.onError);
  }
}
