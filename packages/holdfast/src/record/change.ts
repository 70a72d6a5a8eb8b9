import type { IndexedFields, Lifetime, Position, RecordKey, Version } from "./record.ts";

/**
 * What one commit does to one record. Everything named in it happens together or not at all.
 * Order inside a change: expectation, creation, document, counters, appends, trims, lifetime, end.
 */
export type Change = RecordKey & {
  /**
   * - a number: the record is live at exactly this version;
   * - `"present"`: it is live, at whatever version;
   * - `"absent"`: it is not (never made, ended or expired); needs `create`;
   * - `"any"`: either; if absent it is created from `create`, and refused where `create` is missing.
   */
  readonly expect: Version | "present" | "absent" | "any";
  /** How the record begins if this commit creates it. Ignored when it is already there. */
  readonly create?: Creation | undefined;
  /** Replaces the document of a record that is already there: version + 1. Ignored by the commit that creates it. */
  readonly document?: NewDocument | undefined;
  /** Of counters, appends and trims one change has at most 2,000 each. */
  readonly counters?: readonly CounterChange[] | undefined;
  readonly appends?: readonly Append[] | undefined;
  readonly trims?: readonly Trim[] | undefined;
  /** Replaces the lifetime and starts it anew from the store's now. */
  readonly lifetime?: Lifetime | undefined;
  /** Slides the idle expiry, if more than a twentieth of it has passed since the last slide. */
  readonly slide?: boolean | undefined;
  /** Ends the record after everything else in this change. Its version outlives it. */
  readonly end?: boolean | undefined;
};

/** A document to be written, and how records are found by it. */
export type NewDocument = {
  /** JSON text. Kept byte for byte. */
  readonly text: string;
  /** The stream position the text reflects, where it is a snapshot. Default: unchanged. */
  readonly position?: Position | undefined;
  /** Replaces the indexed fields. Default: unchanged. */
  readonly fields?: IndexedFields | undefined;
};

/** What a record is begun with where there is none. */
export type Creation = NewDocument & {
  readonly lifetime: Lifetime;
  /**
   * The version that the record has to begin at, or the commit is refused. Where it would begin is the store's to say,
   * and what is written may have to know it: ciphertext is bound to it. Ignored when the record is already there.
   */
  readonly version?: Version | undefined;
};

/** Adds to a counter. A result outside the bounds, or outside the safe integers, refuses the whole commit. */
export type CounterChange = {
  readonly name: string;
  readonly by: number;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
};

/** Events for one stream of a record. */
export type Append = {
  readonly stream: string;
  /** One event each, in this order. A commit appends at most 10,000 events. */
  readonly data: readonly string[];
  /** Refuses the commit unless the stream's head is here before the append. */
  readonly expectedHead?: Position | undefined;
  /** Afterwards keep at most this many of the newest events. */
  readonly keep?: number | undefined;
};

/** Drops events up to and including a position. Never moves the head. */
export type Trim = { readonly stream: string; readonly through: Position };

/** What one change came to. */
export type ChangeResult = {
  readonly version: Version;
  readonly incarnation: Version;
  readonly created: boolean;
  /** Values after the commit of the counters this change named. */
  readonly counters: ReadonlyMap<string, number>;
  /** Heads after the commit of the streams this change appended to. */
  readonly heads: ReadonlyMap<string, Position>;
  readonly expiresAt?: number | undefined;
};

/** Why a commit was refused. A refused commit wrote nothing. `index` is the change that failed. */
export type Refusal =
  | {
      readonly reason: "version";
      readonly index: number;
      readonly expected: Version | "present" | "absent" | "any";
      /** The version that stands; absent if no live record does. */
      readonly actual?: Version | undefined;
    }
  | {
      /** A creation named the version to begin at (`create.version`), and the record would begin at another one. */
      readonly reason: "beginning";
      readonly index: number;
      readonly expected: Version;
      readonly actual: Version;
    }
  | {
      readonly reason: "position";
      readonly index: number;
      readonly stream: string;
      readonly expected: Position;
      readonly actual: Position;
    }
  | {
      readonly reason: "bounds";
      readonly index: number;
      readonly counter: string;
      readonly value: number;
      readonly by: number;
    }
  | { readonly reason: "fence"; readonly token: Version; readonly actual?: Version | undefined }
  | { readonly reason: "commit-id" }
  | {
      readonly reason: "quota";
      /** `counters` and `streams`: those of the record; the others are the owner's. */
      readonly quota: "records" | "kind" | "bytes" | "commitIds" | "counters" | "streams";
      readonly limit: number;
    };
