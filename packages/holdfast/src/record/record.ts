/**
 * The vocabulary of the record engine. Nothing here does I/O and nothing here knows a store.
 *
 * A record is one document, named integer counters and append-only streams under one id, one version and one
 * lifetime. Its address contains its owner, so a request of one principal cannot name a record of another.
 */

declare const ownerBrand: unique symbol;

/** A principal as a storage key, and the partition everything of that principal lies in. Made by `ownerOf`. */
export type Owner = string & { readonly [ownerBrand]: true };

/** Counts document changes of an id across all its incarnations. A safe integer, never reused, starting at 1. */
export type Version = number;

/** A position in a stream. Gapless, starting at 1; 0 means "before the first event". */
export type Position = number;

/** The address of a record inside its owner. */
export type RecordKey = {
  /** `[a-z][a-z0-9.-]{0,63}` */
  readonly kind: string;
  /** `[A-Za-z0-9_-]{1,128}` */
  readonly id: string;
};

/**
 * How long a record lives, as durations. The store turns them into points in time with its own clock.
 * Absent means "for ever" (`idleMs`, `absoluteMs`) or "not at all" (`retainMs`).
 */
export type Lifetime = {
  /** Expires this long after the last slide. */
  readonly idleMs?: number | undefined;
  /** Expires this long after creation, whatever happens in between. */
  readonly absoluteMs?: number | undefined;
  /** Content is kept this long after the end for audit; readable through the admin door only. */
  readonly retainMs?: number | undefined;
};

/** What is known of a stream without reading its events. */
export type StreamHead = {
  /** Position of the newest event; 0 if nothing was ever appended. */
  readonly head: Position;
  /** Position of the oldest event still retained; `head + 1` if none is. */
  readonly first: Position;
};

/** Small scalar facts that a kind wants listed or searched without opening documents. */
export type IndexedFields = Readonly<Record<string, string | number | boolean | null>>;

/** A record without its document: what listings return and what decisions are made on. */
export type RecordSummary = RecordKey & {
  readonly version: Version;
  /** The version this incarnation was created at. Two incarnations of one id never share it. */
  readonly incarnation: Version;
  /** Milliseconds since the epoch, by the store's clock, like every `…At`. */
  readonly createdAt: number;
  /** When the document last changed. */
  readonly updatedAt: number;
  /** When any commit last touched the record. */
  readonly touchedAt: number;
  readonly lifetime: Lifetime;
  /** When the absolute lifetime is over; absent if there is none. */
  readonly deadlineAt?: number | undefined;
  /** The earlier of idle and absolute expiry; absent if the record never expires. */
  readonly expiresAt?: number | undefined;
  /**
   * Set once the record was ended, or was closed by a sweep after it had expired: then it is `expiresAt`. Such records are
   * seen through the admin door only.
   */
  readonly endedAt?: number | undefined;
  readonly fields: IndexedFields;
  /** Names are 1 to 128 characters and may be any text, `__proto__` included: hence a map. */
  readonly counters: ReadonlyMap<string, number>;
  readonly streams: ReadonlyMap<string, StreamHead>;
  /** The stream position the document reflects; 0 unless the document is a snapshot of a stream. */
  readonly documentPosition: Position;
  /** UTF-8 bytes of the document. */
  readonly documentBytes: number;
};

/** A record as it stands in a store. */
export type StoredRecord = RecordSummary & {
  /** JSON text, byte for byte what was written. Stores never parse it. */
  readonly document: string;
};

/** An event as it is stored. `at` is the store's clock, in milliseconds since the epoch. */
export type StoredEvent = {
  readonly position: Position;
  readonly at: number;
  /** Opaque text. */
  readonly data: string;
};

/** Most changes one commit may hold. */
export const maxChangesPerCommit = 16;
/** Most events one commit may append. */
export const maxEventsPerCommit = 10_000;
/** Most counter changes, most appends and most trims of one change. */
export const maxStepsPerChange = 2_000;
/** Most characters of a counter's or stream's name. */
export const maxNameLength = 128;
/** Most counters, and most streams, of one record. A new name beyond it is refused; names that are there go on. */
export const maxNamesPerRecord = 1_000;
/** Longest duration of a lifetime, in milliseconds: a hundred years. Points in time beyond it may not be exact numbers. */
export const maxLifetimeMs: number = 100 * 365.25 * 24 * 60 * 60 * 1_000;
/** Most UTF-8 bytes of a hint. */
export const maxHintBytes = 199;
