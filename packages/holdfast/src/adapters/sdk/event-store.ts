/**
 * The SDK's `EventStore`, for one session. The interface has no word for whose an event is, and calls the stream of
 * notifications by the same name in every session; so a store that is shared hands one client's events to another. This
 * one is a view of one session of one principal, and refuses to serve a second.
 */

import { HoldfastError } from "../../record/errors.ts";
import { idOfName, mintSecret } from "../../record/ids.ts";
import { refuseUnknownNames } from "../../record/option-names.ts";
import type { Owner, Position, RecordKey, StreamHead } from "../../record/record.ts";
import { ownerOfPrincipal, type Principal } from "../../security/principal.ts";
import { durationMs } from "../../state/duration.ts";
import type { Hold } from "../../state/hold.ts";
import { servingHold } from "../../state/open-hold.ts";
import { refusalError } from "../../state/refusals.ts";
import type { Duration } from "../../state/types.ts";
import type { Store } from "../../store/contract.ts";

/** Which session is resumed, and how much is kept of it for that. What cannot be throws `INVALID_ARGUMENT`. */
export type EventStoreOptions = {
  /** The id of a session that goes on here, such as after a restart. Default: a new one. */
  readonly sessionId?: string;
  /** How long events stay after the last one was stored. Default `24h`. */
  readonly idle?: Duration;
  /** Newest events kept, of all streams of the session together. Default 1,000. */
  readonly keep?: number;
};

/**
 * The SDK's `EventStore`, as both of its majors have it and whoever copied them, for one session. What resolved is in the
 * store. All methods reject with `UNAVAILABLE` where that cannot be reached, and `storeEvent` with `QUOTA_EXCEEDED` once the
 * principal has no bytes left.
 */
export interface SessionEventStore {
  storeEvent(streamId: string, message: unknown): Promise<string>;
  getStreamIdForEventId(eventId: string): Promise<string | undefined>;
  replayEventsAfter(
    lastEventId: string,
    to: { send: (eventId: string, message: never) => Promise<void> },
  ): Promise<string>;
}

/** What a session is resumed with. Nothing is written before its first event. */
export interface ResumableSession {
  readonly sessionId: string;
  readonly eventStore: SessionEventStore;
  /** To be spread into the options of the one transport of this session. */
  readonly transport: {
    readonly sessionIdGenerator: () => string;
    readonly eventStore: SessionEventStore;
    readonly onsessionclosed: () => Promise<void>;
  };
  /** Drops the events. To be called when the session is over in another way than by the client's `DELETE`. */
  end(): Promise<void>;
}

/**
 * A session of the SDK's own Streamable HTTP transport whose streams can be resumed, on any process that has its id
 * (2025-11-25 `basic/transports`, "Resumability and Redelivery").
 *
 * Events lie with the principal's other records, count against its bytes, and are exported and forgotten with them. Replay
 * after an event gives what followed it on its stream, or fails with `REPLAY_WINDOW_EXCEEDED` where some of that is gone.
 *
 * Throws `INVALID_ARGUMENT` for options that cannot be. The event store throws `FORBIDDEN` once it sees a second session.
 *
 * @example
 * const session = resumableSession(hold, principal);
 * const transport = new StreamableHTTPServerTransport({ ...session.transport });
 */
export function resumableSession(
  hold: Pick<Hold, "sessions">,
  principal: Principal,
  options: EventStoreOptions = {},
): ResumableSession {
  refuseUnknownNames("resumableSession()", options, ["sessionId", "idle", "keep"]);
  const { sessionId = mintSecret(132), idle = "24h", keep = 1_000 } = options;
  if (typeof sessionId !== "string" || sessionId === "") {
    throw new HoldfastError("INVALID_ARGUMENT", "sessionId is a text that is not empty");
  }
  if (!(Number.isSafeInteger(keep) && keep >= leastKept && keep <= 100_000)) {
    throw new HoldfastError("INVALID_ARGUMENT", `keep is a whole number from ${leastKept} to 100000`);
  }
  const { store, limits } = servingHold(hold);
  const view = new View({
    store,
    owner: ownerOfPrincipal(principal),
    key: { kind: "holdfast.sdk-events", id: idOfName("evs", sessionId) },
    idleMs: durationMs(idle, "idle"),
    keep,
    maxBytes: limits.maxBytes,
  });
  let taken = false;
  const sessionIdGenerator = (): string => {
    if (taken) throw shared();
    taken = true;
    return sessionId;
  };
  const end = (): Promise<void> => view.end();
  return {
    sessionId,
    eventStore: view,
    transport: { sessionIdGenerator, eventStore: view, onsessionclosed: end },
    end,
  };
}

type ViewInit = {
  readonly store: Store;
  readonly owner: Owner;
  readonly key: RecordKey;
  readonly idleMs: number;
  readonly keep: number;
  readonly maxBytes: number;
};

type Cursor = { readonly incarnation: number; readonly position: Position; readonly streamId: string };

const log = "events";
const leastKept = 4;
/** However many are kept, of large ones there are fewer. */
const maxLogBytes = 4 * 1_048_576;

class View implements SessionEventStore {
  readonly #init: ViewInit;
  #initialized = false;

  constructor(init: ViewInit) {
    this.#init = init;
  }

  async storeEvent(streamId: string, message: unknown): Promise<string> {
    if (answersInitialize(message)) {
      if (this.#initialized) throw shared();
      this.#initialized = true;
    }
    const { store, owner, key, idleMs, keep, maxBytes } = this.#init;
    const text = JSON.stringify([streamId, message]);
    const kept = Math.max(leastKept, Math.min(keep, Math.floor(maxLogBytes / text.length)));
    const create = { text: "{}", lifetime: { idleMs } };
    const appends = [{ stream: log, data: [text], keep: kept }];
    const quota = { bytes: maxBytes };
    const committed = await store.commit(owner, [{ ...key, expect: "any", create, slide: true, appends }], { quota });
    if (!committed.ok) throw refusalError(committed.refusal);
    const [result] = committed.results;
    return writeId({ incarnation: result?.incarnation ?? 0, position: result?.heads.get(log) ?? 0, streamId });
  }

  async getStreamIdForEventId(eventId: string): Promise<string | undefined> {
    const cursor = readId(eventId);
    return cursor !== undefined && (await this.#isOurs(cursor)) ? cursor.streamId : undefined;
  }

  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (eventId: string, message: never) => Promise<void> },
  ): Promise<string> {
    const cursor = readId(lastEventId);
    if (cursor === undefined || !(await this.#isOurs(cursor))) throw unknownEvent();
    const { store, owner, key } = this.#init;
    for (let after = cursor.position; ; ) {
      const page = await store.events(owner, key, log, { after, limit: 1_000, maxBytes: maxLogBytes });
      if (page === undefined || page.incarnation !== cursor.incarnation) throw unknownEvent();
      refuseGap(page, after);
      for (const { position, data } of page.events) {
        after = position;
        const [streamId, message] = readEvent(data);
        // What primes a stream is no message.
        if (streamId !== cursor.streamId || !isMessage(message)) continue;
        // What was stored is what the SDK gave, of whatever type it has for that.
        await send(writeId({ ...cursor, position }), message as never);
      }
      if (!page.more) return cursor.streamId;
    }
  }

  async end(): Promise<void> {
    const { store, owner, key } = this.#init;
    await store.commit(owner, [{ ...key, expect: "present", end: true }]);
  }

  /** Whether an id is of an event of this session: forged ones, and those of an earlier life of its log, are not. */
  async #isOurs({ incarnation, position, streamId }: Cursor): Promise<boolean> {
    const { store, owner, key } = this.#init;
    const page = await store.events(owner, key, log, { after: position - 1, limit: 1 });
    if (page === undefined || page.incarnation !== incarnation || position > page.head) return false;
    const [event] = page.events;
    // Of one that is no longer kept, what follows it says whether anything was missed.
    return event?.position !== position || readEvent(event.data)[0] === streamId;
  }
}

function refuseGap({ first }: StreamHead, after: Position): void {
  if (first <= after + 1) return;
  throw new HoldfastError("REPLAY_WINDOW_EXCEEDED", "events after this one are no longer kept; begin a new session");
}

function readEvent(data: string): readonly [string, unknown] {
  // Written by `storeEvent` only.
  return JSON.parse(data) as readonly [string, unknown];
}

function isMessage(value: unknown): boolean {
  return typeof value === "object" && value !== null && "jsonrpc" in value;
}

/** Every session begins with one such answer, and has no other. */
function answersInitialize(message: unknown): boolean {
  if (typeof message !== "object" || message === null || !("result" in message)) return false;
  const { result } = message;
  if (typeof result !== "object" || result === null) return false;
  return "protocolVersion" in result && "serverInfo" in result && "capabilities" in result;
}

const idPattern = /^(\d{1,15})-(\d{1,15})-([A-Za-z0-9_-]+)$/;

function writeId({ incarnation, position, streamId }: Cursor): string {
  return `${incarnation}-${position}-${Buffer.from(streamId, "utf8").toString("base64url")}`;
}

function readId(text: unknown): Cursor | undefined {
  const match = typeof text === "string" ? idPattern.exec(text) : null;
  if (match === null || Number(match[2]) < 1) return undefined;
  const streamId = Buffer.from(match[3] ?? "", "base64url").toString("utf8");
  return { incarnation: Number(match[1]), position: Number(match[2]), streamId };
}

function unknownEvent(): HoldfastError {
  return new HoldfastError("NOT_FOUND", "there is no such event in this session");
}

function shared(): HoldfastError {
  return new HoldfastError(
    "FORBIDDEN",
    "this event store is of one session and was given a second; call resumableSession() for each",
  );
}
