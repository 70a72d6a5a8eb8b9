/**
 * A history: what clients asked of a store, what they were answered, and when, on one clock. Recorded by the drivers in
 * `driver/`, judged by the checkers in `check/`. Knows nothing of any store.
 *
 * Every text that is written is the name of the operation that wrote it (events with a number behind), so whoever reads
 * a text knows whom it is from.
 */

/** Nanoseconds on a clock that all processes of the machine share. */
export type Moment = number;

export type Expectation = number | "present" | "absent" | "any";

/** What one commit wants of one record. */
export type Intent = {
  readonly key: string;
  readonly expect: Expectation;
  /** Writes the operation's name as the document; also when the record is created. */
  readonly writes: boolean;
  readonly counters: Readonly<Record<string, number>>;
  /** How many events by stream: `NAME#0`, `NAME#1`, … */
  readonly appends: Readonly<Record<string, number>>;
  readonly ends: boolean;
};

export type Request =
  | {
      readonly what: "commit";
      readonly owner: string;
      readonly intents: readonly Intent[];
      readonly commitId: boolean;
      readonly fence?: { readonly key: string; readonly token: number };
    }
  /** The commit of that name once more, under its commit id. */
  | { readonly what: "repeat"; readonly of: string }
  | { readonly what: "read"; readonly owner: string; readonly key: string; readonly tails: readonly TailAsked[] }
  | ({ readonly what: "events"; readonly owner: string; readonly key: string } & Range);

export type TailAsked = {
  readonly stream: string;
  readonly after: number | { readonly last: number };
  readonly limit: number;
};

export type Range = {
  readonly stream: string;
  readonly after: number;
  readonly limit: number;
  /** The incarnation `after` was seen in; 0 if it is a beginning. */
  readonly incarnation: number;
};

export type Result = {
  readonly version: number;
  readonly incarnation: number;
  readonly created: boolean;
  readonly counters: Readonly<Record<string, number>>;
  readonly heads: Readonly<Record<string, number>>;
};

export type SeenEvent = readonly [position: number, data: string];

export type SeenRecord = {
  readonly version: number;
  readonly incarnation: number;
  readonly document: string;
  readonly counters: Readonly<Record<string, number>>;
  readonly streams: Readonly<Record<string, { readonly head: number; readonly first: number }>>;
};

export type Answer =
  | { readonly kind: "applied"; readonly replayed: boolean; readonly results: readonly Result[] }
  /** `actual`: the version that stood, where one did. */
  | { readonly kind: "refused"; readonly reason: string; readonly index: number; readonly actual?: number | undefined }
  /** Nothing was done, and the caller was told so. */
  | { readonly kind: "failed"; readonly code: string }
  /** It may have been done, or may still be. */
  | { readonly kind: "unknown" }
  | {
      readonly kind: "read";
      readonly record?: SeenRecord | undefined;
      readonly tails: readonly (readonly SeenEvent[])[];
    }
  | {
      readonly kind: "events";
      readonly page?:
        | {
            readonly head: number;
            readonly first: number;
            readonly incarnation: number;
            readonly events: readonly SeenEvent[];
            readonly more: boolean;
          }
        | undefined;
    };

export type Operation = {
  /** Unique: process, writer and a number. */
  readonly name: string;
  readonly begunAt: Moment;
  /** Infinity where nobody was told, because the client died first. */
  readonly endedAt: Moment;
  readonly request: Request;
  readonly answer: Answer;
};

export type History = readonly Operation[];

/** What a checker found: which rule is broken, and the operations that show it. */
export type Fault = { readonly rule: string; readonly message: string; readonly operations: readonly string[] };

export const unanswered: Answer = { kind: "unknown" };
