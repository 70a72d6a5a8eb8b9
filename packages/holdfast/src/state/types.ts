/**
 * The face authors see: typed records of the caller. No method takes an owner, so no tool can name a stranger's record.
 */

import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { IndexedFields, Position, Version } from "../record/record.ts";
import type { HoldsDisposables } from "./disposables/types.ts";
import type { Sharing } from "./grants/types.ts";
import type { Fence, RecordLock, RecordLocks } from "./leases/types.ts";
import type { DeepPartial } from "./merge-patch.ts";

/** Milliseconds, or a number with a unit: `"500ms"`, `"30s"`, `"15m"`, `"24h"`, `"30d"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

/**
 * How many records of a kind a principal has: `many` (the default) behind minted handles, `named` ones that
 * `open(name)` finds again, or exactly one `principal`-wide.
 */
export type KindScope = "many" | "named" | "principal";

/** What a kind is; only `schema` is needed. Unknown names and what cannot be throw `INVALID_ARGUMENT`, with the remedy. */
export type KindOptions<
  Schema extends StandardSchemaV1,
  Scope extends KindScope = "many",
  Fields extends IndexedFields = IndexedFields,
> = {
  /** Checks and types the document. Applied to what is written and, after upcasting, to what is read. */
  readonly schema: Schema;
  readonly scope?: Scope;
  /**
   * Before the underscore of an id. Default: the kind's name. Handles given out before a change of it stay good, but
   * named and one-per-principal records are found by it: changing theirs begins them anew.
   */
  readonly prefix?: string;
  /** Expires after this long without a call that touches it. Default: never. */
  readonly idle?: Duration;
  /** Expires this long after creation. Default: never. */
  readonly absolute?: Duration;
  /**
   * Content is kept this long after the end, for audit. Default: not at all. Shorter where the record is made again under
   * its name, or for its principal: that drops what was retained. It is over for callers at its end all the same, and
   * told (changes, lists of resources, metrics) by the next sweep.
   */
  readonly retain?: Duration;
  /** The document's first value where none is given. Default: the schema applied to `{}`. */
  readonly initial?: () => StandardSchemaV1.InferInput<Schema>;
  /** The schema's version, from 1. Raise it together with an upcaster. Default 1. */
  readonly version?: number;
  /** `upcast[n]` turns a document of version n into one of version n + 1. */
  readonly upcast?: Readonly<Record<number, (older: unknown) => unknown>>;
  /** Facts of the document that listings return and `find` compares without opening it. At most 16 scalars, 2 KiB in all. */
  readonly index?: (value: StandardSchemaV1.InferOutput<Schema>) => Fields;
  readonly limits?: KindLimits;
  /**
   * Seals what is stored (AES-256-GCM): `true` documents and events whole, a list those members of the document. What `index`
   * returns, counters and names stay readable. Default false. Needs `holdfast({ sealing })`.
   */
  readonly sealed?: boolean | readonly string[];
  /** What a handle of this kind is, in words for a model. Default: made from the name and the lifetimes. */
  readonly description?: string;
};

/** Bounds of one kind, within those of the hold. */
export type KindLimits = {
  /** Bytes of one document. Default 1 MiB. */
  readonly maxDocumentBytes?: number;
  /** Bytes of one event. Default 256 KiB. */
  readonly maxEventBytes?: number;
  /** Live records of this kind per principal. Default: the hold's limit on records. */
  readonly maxRecords?: number;
  /** Events kept per stream; older ones are trimmed and positions go on counting. Default 10,000. */
  readonly maxEventsKept?: number;
};

/** A record as its owner sees it. */
export type RecordView<Value> = {
  readonly kind: string;
  /** The handle: an ordinary string that names the record for its owner and nobody else. */
  readonly id: string;
  /** Counts document changes, not counters or events. */
  readonly version: Version;
  readonly value: Value;
  readonly counters: ReadonlyMap<string, number>;
  /** Position of the newest event of each stream. */
  readonly heads: ReadonlyMap<string, Position>;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly touchedAt: Date;
  readonly expiresAt?: Date | undefined;
};

/** Makes a change count once, however often it is repeated within 24 hours. */
export type Idempotency = {
  /** 1 to 128 characters, unique for the operation and record. */
  readonly key: string;
  /** What is being asked for, as JSON: the same key with another intent is `COMMIT_ID_REUSED`. Default: the arguments. */
  readonly intent?: unknown;
};

/** What every call of the state API takes. An aborted `signal` rejects with `ABORTED`; what was sent to the store by then may still be done. */
export type CallOptions = { readonly signal?: AbortSignal };
/** Where an answer may come from. */
export type ReplicaOptions = {
  /**
   * Lets a replica of the store answer, or a cache in front of it, where there is one: what this node wrote for the caller is in the answer, what
   * other nodes wrote may be missing for a moment. Default: false.
   */
  readonly replica?: boolean;
};

/** How new the answer to a read has to be. */
export type GetOptions = CallOptions &
  ReplicaOptions & {
    /** Answer from a state in which the record has at least this version, such as one another node has just answered. */
    readonly minVersion?: Version;
  };

/** What every change takes: a key under which a repeat counts once, and a lock that it depends on. */
export type ChangeOptions = CallOptions & {
  readonly idempotency?: Idempotency;
  /** Makes the change only if this lock of the caller stands at this token as it is committed; else `FENCED`. */
  readonly fence?: Fence;
};
/** `ifVersion` turns a change into a conditional one: `CONFLICT`, naming both versions, unless it still stands. */
export type ConditionalOptions = ChangeOptions & { readonly ifVersion?: Version };

/** What a change came to: the version since, and whether it was a repeat, answered as the first time. */
export type Changed = { readonly version: Version; readonly replayed: boolean };

/** What an increment came to: the counter's value after it. */
export type Incremented = Changed & {
  readonly value: number;
  /** Position of the event that `append` asked for. */
  readonly position?: Position;
};

/** What an append came to: the position of its event, which is gapless in its stream. */
export type Appended = Changed & { readonly position: Position };

/**
 * An update function: change the draft in place, or return another value. It may run more than once, so it should do
 * nothing but decide; what it throws changes nothing. It must not update the same record by another call: that call
 * would wait for this one.
 */
export type Updater<Value> = (draft: Value, tx: Transaction) => Value | void | Promise<Value | void>;

/** What joins the commit of an update besides the document: all of it happens together or not at all. */
export interface Transaction {
  /** Appends one event to a stream of the record. */
  append(stream: string, event: unknown): void;
  /** Adds to a counter of the record. Outside `min`, `max` or ±2^53 the whole update is refused (`OUT_OF_BOUNDS`). */
  increment(counter: string, by?: number, bounds?: CounterBounds): void;
}

/** Where a counter may not go: an increment beyond a bound is `OUT_OF_BOUNDS` and changes nothing. */
export type CounterBounds = { readonly min?: number; readonly max?: number };

/** One record, already named. What `open(name)` and one-per-principal kinds give. */
export interface RecordHandle<Value> extends RecordLock {
  readonly id: string;
  /** The record, made from its initial value if it is not there yet. */
  get(options?: GetOptions): Promise<RecordView<Value>>;
  update(fn: Updater<Value>, options?: ConditionalOptions): Promise<RecordView<Value>>;
  patch(partial: DeepPartial<Value>, options?: ConditionalOptions): Promise<RecordView<Value>>;
  increment(counter: string, by?: number, options?: IncrementOptions): Promise<Incremented>;
  append(stream: string, event: unknown, options?: AppendOptions): Promise<Appended>;
  events(stream: string, options?: EventsQuery): Promise<EventsResult>;
  destroy(options?: ConditionalOptions): Promise<boolean>;
}

/** Bounds of a counter, and what every change takes: an idempotency key, a fence, a signal. */
export type CountOptions = ChangeOptions & CounterBounds;

/** As those of every change of a counter, and an event besides. */
export type IncrementOptions = CountOptions & {
  /** An event that joins the commit: both happen, or neither. */
  readonly append?: { readonly stream: string; readonly event: unknown };
};

/** Options of `append`. `CONFLICT` unless the stream's newest event is at `expectedHead`; 0 stands for none yet. */
export type AppendOptions = ChangeOptions & { readonly expectedHead?: Position };

/** Which events of a stream to read. */
export type EventsQuery = CallOptions &
  ReplicaOptions & {
    /**
     * Only events after this position: a cursor. `REPLAY_WINDOW_EXCEEDED` where events that would follow it are gone, or
     * where the stream never came that far.
     */
    readonly after?: Position;
    /**
     * The `incarnation` of the page the cursor is from. A record that is found by name may have ended since and been begun
     * anew; its positions then start again, and with this the old cursor is `REPLAY_WINDOW_EXCEEDED` instead of a gap.
     */
    readonly incarnation?: Version | undefined;
    readonly before?: Position;
    /** 1 to 1,000. Default 100. */
    readonly limit?: number;
    readonly order?: "oldest" | "newest";
  };

/** A page of a stream, oldest event first. */
export type EventsResult = {
  readonly events: readonly { readonly position: Position; readonly at: Date; readonly payload: unknown }[];
  readonly head: Position;
  /** Oldest position still retained. Asking for events before it is `REPLAY_WINDOW_EXCEEDED`. */
  readonly first: Position;
  readonly more: boolean;
  /** Tells the record from earlier ones of its name; keep it with the cursor. Absent while there is no record yet. */
  readonly incarnation?: Version | undefined;
};

/** The caller's records of a kind with `scope: "many"`. */
export interface Records<Value, Input, Fields extends IndexedFields = NoFields> extends RecordLocks, Sharing {
  /**
   * Mints a record. Throws `INVALID_ARGUMENT` (schema, size) or `QUOTA_EXCEEDED`. Repeated with the same idempotency key
   * it gives the first record as it is now, or throws `NOT_FOUND` if that one has ended.
   */
  create(value?: Input, options?: ChangeOptions): Promise<RecordView<Value>>;
  /** Throws `NOT_FOUND`, in one fixed wording, whether the id is unknown, expired, ended or somebody else's. */
  get(id: string, options?: GetOptions): Promise<RecordView<Value>>;
  /**
   * Reads, changes and commits if nobody came between; otherwise again, with full jitter, then `CONTENTION`. An update
   * that leaves the document as it was makes no version. In the view that comes back, counters and heads that the
   * update did not name are those it read; after a repeat with the same idempotency key it is the record as it is now,
   * or `NOT_FOUND` if it has ended. The function is no part of a key's intent, which by default is `ifVersion` alone.
   */
  update(id: string, fn: Updater<Value>, options?: ConditionalOptions): Promise<RecordView<Value>>;
  /** A JSON merge patch (RFC 7396). */
  patch(id: string, partial: DeepPartial<Value>, options?: ConditionalOptions): Promise<RecordView<Value>>;
  /** Adds to a counter. Never conflicts. Throws `OUT_OF_BOUNDS` and changes nothing outside `min`, `max` or ±2^53. */
  increment(id: string, counter: string, by?: number, options?: IncrementOptions): Promise<Incremented>;
  /** Appends one event to a stream. Conflicts with nothing unless `expectedHead` is given. */
  append(id: string, stream: string, event: unknown, options?: AppendOptions): Promise<Appended>;
  events(id: string, stream: string, options?: EventsQuery): Promise<EventsResult>;
  /** Ends the record. False if there was none to end. */
  destroy(id: string, options?: ConditionalOptions): Promise<boolean>;
  /** The caller's own, newest first. */
  list(options?: ListQuery): Promise<ListResult>;
  /**
   * Those of them whose indexed fields have all of these values, newest first; `null` is a value, and an absent field
   * matches nothing. A page may be short, or empty, while `next` leads on. Throws `INVALID_ARGUMENT` where the kind has
   * no `index`.
   *
   * @example
   * const { records, next } = await state.order.find({ status: "open" });
   */
  find(where: FieldsQuery<Fields>, options?: ListQuery): Promise<ListResult>;
}

/** What a kind without an `index` can be searched by: nothing. */
export type NoFields = Readonly<Record<string, never>>;
/** Values for some of the fields that a kind's `index` returns. */
export type FieldsQuery<Fields> = {
  readonly [Name in Fields extends unknown ? keyof Fields : never]?: Fields extends {
    readonly [key in Name]?: infer Value;
  }
    ? Exclude<Value, undefined>
    : never;
};

/** A page of a listing: `limit` is 1 to 1,000, `after` the `next` of the page before. */
export type ListQuery = CallOptions & ReplicaOptions & { readonly after?: string; readonly limit?: number };

/** A page of the caller's records. `next` is the `after` of the following one. */
export type ListResult = { readonly records: readonly ListedRecord[]; readonly next?: string | undefined };

/** A record in a listing, which is without documents. */
export type ListedRecord = {
  readonly id: string;
  /** The name it was opened by, where the kind is `named`. */
  readonly name?: string | undefined;
  readonly version: Version;
  readonly fields: IndexedFields;
  readonly counters: ReadonlyMap<string, number>;
  readonly heads: ReadonlyMap<string, Position>;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly touchedAt: Date;
  readonly expiresAt?: Date | undefined;
};

/** The caller's records of a kind with `scope: "named"`: as `many`, and found again by name. */
export interface NamedRecords<Value, Input, Fields extends IndexedFields = NoFields>
  extends Omit<Records<Value, Input, Fields>, "create"> {
  /** The record of this name, 1 to 128 characters. Made on first use. */
  open(name: string): RecordHandle<Value>;
}

/** What a session keeps besides its counters and streams. */
export type SessionDocument = {
  readonly label?: string | undefined;
  /** What a tool thinks worth knowing of all that happened before. */
  readonly summary?: string | undefined;
  readonly metadata: unknown;
  readonly preferences: Readonly<Record<string, unknown>>;
  readonly data: Readonly<Record<string, unknown>>;
};

/** One tool call of a session, as recorded. */
export type Turn = {
  readonly tool: string;
  readonly input: unknown;
  /** At most 200 characters. */
  readonly outputPreview: string;
  readonly at: Date;
  readonly durationMs: number;
  readonly ok: boolean;
  /** The process that ran it. */
  readonly node?: string | undefined;
  /** Tells the call from all others; events that came about in it have it in `by.call`. */
  readonly call?: string | undefined;
};

/** What a session is begun with: a label for people, and any JSON. */
export type SessionInput = { readonly label?: string | undefined; readonly metadata?: unknown };

/** A session as its owner sees it. Counters that stand at zero are left out: they are as if never counted. */
export type SessionView = RecordView<SessionDocument> & {
  /** Actions recorded since the session began or was last cleared, trimmed ones included. */
  readonly totalEvents: number;
};

/** A session in a listing. */
export type ListedSession = ListedRecord & {
  readonly label?: string | undefined;
  /** Actions recorded since the session began or was last cleared, trimmed ones included. */
  readonly totalEvents: number;
};

/** A page of the caller's sessions, newest first. `next` is the `after` of the following one. */
export type SessionList = { readonly records: readonly ListedSession[]; readonly next?: string | undefined };

/** What recording an action came to. */
export type Recorded = Appended & { readonly totalEvents: number };

/** The caller's sessions. A session of a 2025-era connection is an ordinary one and is found here too. */
export interface Sessions {
  /** Throws `INVALID_ARGUMENT`, `QUOTA_EXCEEDED`, or, to a repeat whose session has ended, `NOT_FOUND`. */
  create(input?: SessionInput, options?: ChangeOptions): Promise<SessionView>;
  /** No I/O: whether it exists shows at the first call. */
  open(id: string): Session;
  /** Newest first. */
  list(options?: ListQuery): Promise<SessionList>;
  /** Those with this label, newest first. A page may be short, or empty, while `next` leads on. */
  find(where: { readonly label: string }, options?: ListQuery): Promise<SessionList>;
}

/** What happened in a session lately: its state, its newest actions, its newest tool calls. */
export type SessionContext = {
  readonly view: SessionView;
  /** Newest `maxEvents`, oldest first; fewer where these are more than 4 MiB, and likewise of turns. */
  readonly events: readonly {
    readonly position: Position;
    readonly type: string;
    readonly payload: unknown;
    readonly at: Date;
  }[];
  /** Newest `maxTurns`, oldest first. */
  readonly turns: readonly Turn[];
};

/**
 * One session of the caller. Every method throws `NOT_FOUND` once it has ended or expired, and slides its idle
 * expiry when it succeeds. A change that is repeated with its idempotency key answers what it did the first time, after
 * the end too, unless its answer is a view.
 */
export interface Session extends HoldsDisposables {
  readonly id: string;
  view(options?: CallOptions): Promise<SessionView>;
  /** A value of the session's data; undefined if the key was never set. */
  get(key: string, options?: CallOptions): Promise<{ readonly value: unknown; readonly version: Version } | undefined>;
  set(key: string, value: unknown, options?: ChangeOptions): Promise<Changed>;
  /** Whether there was something to delete; to a repeat with the same idempotency key, whether there was the first time. */
  delete(key: string, options?: ChangeOptions): Promise<boolean>;
  /** Sorted. */
  keys(options?: CallOptions): Promise<readonly string[]>;
  setPreference(key: string, value: unknown, options?: ChangeOptions): Promise<SessionView>;
  increment(name: string, by?: number, options?: CountOptions): Promise<Incremented>;
  /** Appends an action to the session's log. */
  record(type: string, payload?: unknown, options?: ChangeOptions): Promise<Recorded>;
  /** Document, counters, newest actions and newest turns of one consistent state. */
  context(options?: CallOptions & { readonly maxEvents?: number; readonly maxTurns?: number }): Promise<SessionContext>;
  /** The newest `n` turns, oldest first: what happened before, for tools that want to know. */
  recentContext(n: number, options?: CallOptions): Promise<readonly Turn[]>;
  /** What was last kept by `summarize`; undefined if nothing was. */
  summary(options?: CallOptions): Promise<string | undefined>;
  /**
   * Keeps a summary of what happened so far, at most 16,384 characters, in place of the one before; `undefined` takes it
   * away. A function is given the one before, and may run more than once.
   */
  summarize(
    summary: string | undefined | ((before: string | undefined) => string | undefined),
    options?: ChangeOptions,
  ): Promise<Changed>;
  /** Empties data, preferences, counters, actions, turns and summary. Label, metadata and id stay. */
  clear(options?: ChangeOptions): Promise<void>;
  /** Ends the session and, if it belongs to a connection, the connection's session with it. False if it had ended. */
  end(options?: CallOptions): Promise<boolean>;
}
