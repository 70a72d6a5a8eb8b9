import type { Append } from "../../record/change.ts";
import { HoldfastError, isHoldfastError } from "../../record/errors.ts";
import type { Owner, Position } from "../../record/record.ts";
import { Batcher, type Settle } from "../../store/batcher.ts";
import type { Committed } from "../../store/contract.ts";
import { writeCallNote } from "./call-note.ts";
import type { SessionDeps } from "./deps.ts";
import { writeHint } from "./hints.ts";
import { type LogEntry, writeLogEntry } from "./log-entry.ts";
import { callStream, outStream, sessionTopic, transportKey } from "./transport-record.ts";

/** Called right after an entry is in the log, in the order of positions. */
export type Delivered = (entry: LogEntry, position: Position) => void;

export type AppendInit = {
  readonly delivered?: Delivered | undefined;
  /** Whether the client can do without it: a notification, not an answer. */
  readonly mayDrop?: boolean | undefined;
};

type Item = { readonly entries: readonly LogEntry[]; readonly delivered: Delivered | undefined };

const retryDelaysMs: readonly number[] = [50, 250, 1_000];
/** Most messages that wait before further notifications are dropped. */
const mostDroppable = 2_048;
/** However large entries are, a stream keeps at least this many. */
const leastKept = 4;
/** Most notes about calls that a session keeps: two and a few for each. */
const maxNotes = 512;
const maxNoteBytes = 256 * 1024;

/**
 * Writes what goes over SSE to a session's log before it is on a socket (E5), in order. Entries that come while a
 * commit is under way share the next one.
 */
export class OutputLog {
  readonly #deps: SessionDeps;
  readonly #owner: Owner;
  readonly #sessionId: string;
  readonly #batcher: Batcher<Item, void>;

  constructor(deps: SessionDeps, owner: Owner, sessionId: string) {
    this.#deps = deps;
    this.#owner = owner;
    this.#sessionId = sessionId;
    this.#batcher = new Batcher({ run: (items) => this.#write(items), maxBatch: 64, maxQueue: 2 * mostDroppable });
  }

  /**
   * Throws `NOT_FOUND` once the session is over, and what the store throws if it stays unreachable. What may be dropped
   * throws `UNAVAILABLE` where too much waits already, so that there is room for what may not.
   */
  append(entries: readonly LogEntry[], init: AppendInit = {}): Promise<void> {
    if (init.mayDrop === true && this.#batcher.queued >= mostDroppable) {
      return Promise.reject(
        new HoldfastError("UNAVAILABLE", `${mostDroppable} messages of a session wait to be logged; one was dropped`),
      );
    }
    return this.#batcher.add({ entries, delivered: init.delivered });
  }

  async #write(items: readonly Item[]): Promise<readonly Settle<void>[]> {
    const entries = items.flatMap((item) => item.entries);
    if (entries.length === 0) return items.map(() => ({ value: undefined }));
    const last = await this.#commit(entries);
    let position = last - entries.length;
    for (const item of items) {
      for (const entry of item.entries) {
        position += 1;
        item.delivered?.(entry, position);
      }
    }
    this.#deps.hint(
      sessionTopic(this.#sessionId),
      writeHint({ type: "out", streams: entries.map((entry) => entry.streamId) }),
    );
    return items.map(() => ({ value: undefined }));
  }

  /** Commits, with a few retries where it is known that nothing was written. */
  async #commit(entries: readonly LogEntry[]): Promise<Position> {
    const data = entries.map(writeLogEntry);
    const notes = entries.flatMap(({ streamId, note }) => (note === undefined ? [] : [writeCallNote(streamId, note)]));
    for (let attempt = 0; ; attempt += 1) {
      try {
        const committed = await this.#commitOnce(data, notes, true);
        if (committed.ok || committed.refusal.reason !== "quota") return headOf(committed);
        // Who has no room for more still gets answers, and can resume from the newest of them.
        return headOf(await this.#commitOnce(data, notes, false));
      } catch (error) {
        const delay = retryDelaysMs[attempt];
        if (delay === undefined || !isHoldfastError(error, "UNAVAILABLE")) throw error;
        await new Promise((resolve) => setTimeout(resolve, delay));
      }
    }
  }

  /** Where the principal has no room, only these messages stay, whatever its quota says. */
  #commitOnce(data: readonly string[], notes: readonly string[], roomy: boolean): Promise<Committed> {
    const { store, hold, options } = this.#deps;
    const { maxLogEvents, maxLogBytes } = options;
    const keep = roomy ? keptOf(data, maxLogEvents, maxLogBytes) : data.length;
    const appends: Append[] = [{ stream: outStream, data, keep }];
    if (notes.length > 0) {
      appends.push({ stream: callStream, data: notes, keep: keptOf(notes, maxNotes, maxNoteBytes) });
    }
    return store.commit(this.#owner, [{ ...transportKey(this.#sessionId), expect: "present", appends }], {
      ...(roomy && { quota: { bytes: hold.limits.maxBytes } }),
    });
  }
}

/** How many of the newest entries stay, given how large these are. */
function keptOf(data: readonly string[], most: number, bytes: number): number {
  const longest = data.reduce((longer, { length }) => Math.max(longer, length), 1);
  return Math.min(most, Math.max(leastKept, Math.floor(bytes / longest)));
}

function headOf(committed: Committed): Position {
  if (!committed.ok)
    throw new HoldfastError("NOT_FOUND", "the session is over", { details: { refusal: committed.refusal.reason } });
  return committed.results[0]?.heads.get(outStream) ?? 0;
}
