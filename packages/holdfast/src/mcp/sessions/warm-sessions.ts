import { LRUCache } from "lru-cache";

import { HoldfastError } from "../../record/errors.ts";
import type { Owner } from "../../record/record.ts";
import type { WarmSession } from "./warm-session.ts";

type Entry = { readonly session: WarmSession; users: number };

export type WarmSessionsInit = {
  readonly max: number;
  /** Told of those that gave way to others. */
  readonly onEvicted?: ((session: WarmSession) => void) | undefined;
  readonly onError: (error: unknown) => void;
};

/**
 * The warm sessions of a node: one per session, opened once however many ask at once. Those in use are never closed to
 * make room; of the rest the ones used longest ago go first.
 */
export class WarmSessions {
  readonly #init: WarmSessionsInit;
  readonly #used = new Map<string, Entry>();
  readonly #idle: LRUCache<string, Entry>;
  readonly #opening = new Map<string, Promise<WarmSession>>();
  readonly #closing = new Set<Promise<void>>();
  #closed = false;
  #hits = 0;
  #misses = 0;

  constructor(init: WarmSessionsInit) {
    this.#init = init;
    this.#idle = new LRUCache({ max: Math.max(1, init.max) });
  }

  get size(): number {
    return this.#used.size + this.#idle.size;
  }

  /** How many are in use now, and how often `open` found one and found none. */
  get figures(): { readonly inUse: number; readonly hits: number; readonly misses: number } {
    return { inUse: this.#used.size, hits: this.#hits, misses: this.#misses };
  }

  /** Those in use. */
  *inUse(): Iterable<WarmSession> {
    for (const { session } of this.#used.values()) yield session;
  }

  /** Looks without using. */
  peek(owner: Owner, id: string): WarmSession | undefined {
    const key = keyOf(owner, id);
    return (this.#used.get(key) ?? this.#idle.peek(key))?.session;
  }

  /** Whether it is in use already, so that using it takes no more room. */
  uses(owner: Owner, id: string): boolean {
    return this.#used.has(keyOf(owner, id));
  }

  /** Uses a session that is warm already. */
  take(owner: Owner, id: string): WarmSession | undefined {
    const key = keyOf(owner, id);
    const entry = this.#used.get(key) ?? this.#idle.get(key);
    if (entry?.session.usable !== true) return undefined;
    this.#use(key, entry);
    return entry.session;
  }

  /** Uses a session, opening it if it is not warm. Every use ends with `done`. */
  async open(owner: Owner, id: string, open: () => Promise<WarmSession>): Promise<WarmSession> {
    this.refuseIfClosed();
    const warm = this.take(owner, id);
    if (warm !== undefined) {
      this.#hits += 1;
      return warm;
    }
    this.#misses += 1;
    const key = keyOf(owner, id);
    let opening = this.#opening.get(key);
    if (opening === undefined) {
      opening = open().finally(() => this.#opening.delete(key));
      this.#opening.set(key, opening);
    }
    const session = await opening;
    this.adopt(session);
    return session;
  }

  /** Uses a session that was just made. */
  adopt(session: WarmSession): void {
    this.refuseIfClosed();
    const key = keyOf(session.owner, session.id);
    const standing = this.#used.get(key) ?? this.#idle.get(key);
    // A server that its author closed gives way to a new one.
    if (standing !== undefined && standing.session !== session) this.#close(standing.session);
    this.#use(key, standing?.session === session ? standing : { session, users: 0 });
  }

  done(session: WarmSession): void {
    const key = keyOf(session.owner, session.id);
    const entry = this.#used.get(key);
    if (entry?.session !== session) return;
    entry.users -= 1;
    if (entry.users > 0) return;
    this.#used.delete(key);
    if (!session.usable) this.#close(session);
    else this.#idle.set(key, entry);
    this.#makeRoom();
  }

  /** How many nobody uses. */
  get idle(): number {
    return this.#idle.size;
  }

  /** Memory is short: closes so many of those that nobody uses, the ones used longest ago first. Says how many there were. */
  shed(count: number): number {
    for (let closed = 0; closed < count; closed += 1) {
      const oldest = this.#idle.pop();
      if (oldest === undefined) return closed;
      this.#evict(oldest.session);
    }
    return count;
  }

  /** The session is over: it is closed once nobody uses it. */
  end(owner: Owner, id: string): void {
    const key = keyOf(owner, id);
    const used = this.#used.get(key);
    if (used !== undefined) return used.session.end();
    const idle = this.#idle.get(key);
    if (idle === undefined) return;
    this.#idle.delete(key);
    idle.session.end();
    this.#close(idle.session);
  }

  /** Throws `CLOSED` once this is: nothing would close what were opened now. */
  refuseIfClosed(): void {
    if (this.#closed) throw new HoldfastError("CLOSED", "the endpoint is closed");
  }

  /** Closes all, those in use too. */
  async close(): Promise<void> {
    this.#closed = true;
    const opening = await Promise.allSettled(this.#opening.values());
    const opened = opening.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    const standing = [...this.#used.values(), ...this.#idle.values()].map(({ session }) => session);
    this.#used.clear();
    this.#idle.clear();
    for (const session of new Set([...opened, ...standing])) this.#close(session);
    await Promise.all(this.#closing);
  }

  #use(key: string, entry: Entry): void {
    this.#idle.delete(key);
    this.#used.set(key, entry);
    entry.users += 1;
    this.#makeRoom();
  }

  #makeRoom(): void {
    while (this.size > this.#init.max) {
      const oldest = this.#idle.pop();
      if (oldest === undefined) return;
      this.#evict(oldest.session);
    }
  }

  #evict(session: WarmSession): void {
    this.#init.onEvicted?.(session);
    this.#close(session);
  }

  #close(session: WarmSession): void {
    const closing: Promise<void> = session
      .close()
      .catch(this.#init.onError)
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }
}

function keyOf(owner: Owner, id: string): string {
  return `${owner}/${id}`;
}
