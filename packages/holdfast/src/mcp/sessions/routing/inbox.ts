import type { Change } from "../../../record/change.ts";
import type { Owner, Position, RecordKey } from "../../../record/record.ts";
import { utf8Length } from "../../../record/text.ts";
import { refusalError } from "../../../state/refusals.ts";
import type { SessionDeps } from "../deps.ts";
import { readHint, writeHint } from "../hints.ts";
import { type IncomingMessage, readMessage } from "../messages.ts";
import { inStream } from "../transport-record.ts";

/** Answers and cancellations a session keeps for nodes that have not looked yet. */
const keep = 64;
/** What a principal without room may still leave in an inbox: its answers are how calls that hold room come to an end. */
const alwaysTakenBytes = 65_536;

type InboxDeps = Pick<SessionDeps, "hold" | "store" | "hint" | "onError">;

/** The record whose stream `in` is the inbox, and where hints about it go. */
export type InboxPlace = { readonly owner: Owner; readonly key: RecordKey; readonly topic: string };

/**
 * Puts a message that nobody here waits for where the node that does will find it. False if the session is over. Throws
 * `QUOTA_EXCEEDED` for a large one of a principal that has no room for it: its session is there all the same.
 */
export async function putInInbox(
  { hold, store, hint }: InboxDeps,
  { owner, key, topic }: InboxPlace,
  message: unknown,
): Promise<boolean> {
  const text = JSON.stringify(message);
  const change: Change = { ...key, expect: "present", appends: [{ stream: inStream, data: [text], keep }] };
  let committed = await store.commit(owner, [change], { quota: { bytes: hold.limits.maxBytes } });
  if (!committed.ok && committed.refusal.reason === "quota") {
    if (utf8Length(text) > alwaysTakenBytes) throw refusalError(committed.refusal);
    committed = await store.commit(owner, [change]);
  }
  if (committed.ok) hint(topic, writeHint({ type: "in" }));
  return committed.ok;
}

export type InboxInit = InboxPlace & {
  readonly deps: InboxDeps;
  /** Where to begin: nothing before it can be meant for who waits now. */
  readonly after: Position;
  readonly take: (message: IncomingMessage) => void;
  /** Messages were pushed out of the inbox before they were seen here. */
  readonly missed: () => void;
  /** Whether somebody still waits; asked after every look. */
  readonly wanted: () => boolean;
};

/**
 * Reads a session's inbox by cursor while somebody waits for something: woken by hints, and by itself every second since
 * hints may be lost. Stops on its own once nobody waits.
 */
export class Inbox {
  readonly #init: InboxInit;
  readonly #timer: NodeJS.Timeout;
  readonly #unsubscribe: () => void;
  #after: Position;
  #looked = false;
  #reading = false;
  #again = false;
  #stopped = false;

  constructor(init: InboxInit, pollMs: number) {
    this.#init = init;
    this.#after = init.after;
    this.#unsubscribe = init.deps.store.subscribe(init.topic, (hint) => {
      const read = readHint(hint);
      if (read === undefined || read.type === "in") this.#look();
    });
    this.#timer = setInterval(() => this.#look(), pollMs).unref();
    this.#look();
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Where a later inbox of the same session may go on. */
  get after(): Position {
    return this.#after;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#unsubscribe();
  }

  #look(): void {
    this.#again = true;
    if (this.#reading || this.#stopped) return;
    this.#reading = true;
    this.#readAll()
      .catch(this.#init.deps.onError)
      .finally(() => {
        this.#reading = false;
        if (!this.#init.wanted()) this.stop();
      });
  }

  async #readAll(): Promise<void> {
    const { deps, owner, key, take, missed } = this.#init;
    while (this.#again && !this.#stopped) {
      this.#again = false;
      const page = await deps.store.events(owner, key, inStream, {
        after: this.#after,
        limit: keep,
      });
      if (page === undefined) return this.stop();
      // What went by before the first look was there before anybody here waited.
      const gap = this.#looked && page.first > this.#after + 1;
      this.#looked = true;
      for (const { position, data } of page.events) {
        this.#after = position;
        const message = readMessage(JSON.parse(data));
        if (message !== undefined) take(message);
      }
      // Only now: what is still there may be just what is waited for.
      if (gap) missed();
      if (page.more) this.#again = true;
    }
  }
}
