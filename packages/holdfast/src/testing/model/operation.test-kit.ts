import { isDeepStrictEqual } from "node:util";

import type { Change } from "../../record/change.ts";
import type { IndexedFields, RecordKey } from "../../record/record.ts";
import type { CommitOptions, EventsOptions, Tail } from "../../store/contract.ts";

/** Which of a few owners. */
export type Whose = { readonly whose: number };

/** What is done to a store and to its model alike. */
export type Operation = Whose &
  (
    | { readonly what: "commit"; readonly changes: readonly Change[]; readonly options: Omit<CommitOptions, "signal"> }
    | {
        readonly what: "read";
        readonly key: RecordKey;
        readonly tails: readonly Tail[];
        readonly commitId?: string | undefined;
      }
    | {
        readonly what: "events";
        readonly key: RecordKey;
        readonly stream: string;
        readonly options: Omit<EventsOptions, "signal">;
      }
    | {
        readonly what: "list";
        readonly kind: string;
        readonly order: "oldest" | "newest";
        readonly limit: number;
        readonly where?: IndexedFields | undefined;
      }
    | { readonly what: "usage" }
    | { readonly what: "inspect"; readonly key: RecordKey }
    | { readonly what: "reap" }
    | { readonly what: "erase" }
  );

/** An answer with maps turned into sorted lists and absent properties left out, so that answers can be compared. */
export type Plain = unknown;

export function plain(value: unknown): Plain {
  if (value instanceof Map) return Array.from(value, ([name, inner]): Entry => [name, plain(inner)]).sort(byText);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(kept.map(([name, inner]): readonly [string, Plain] => [name, plain(inner)]).sort(byText));
}

export function sameAnswer(one: Plain, other: Plain): boolean {
  return isDeepStrictEqual(one, other);
}

type Entry = readonly [name: unknown, inner: Plain];

function byText(one: Entry, other: Entry): number {
  return String(one[0]) < String(other[0]) ? -1 : 1;
}
