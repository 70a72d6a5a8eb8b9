/** What the scripts take and answer. */
import { createHash } from "node:crypto";

import type { Change, ChangeResult, Refusal } from "../../record/change.ts";
import { maxCommitIdsPerOwner } from "../../record/commit-ids.ts";
import { type IndexedFields, maxNamesPerRecord } from "../../record/record.ts";
import type { CommitOptions, CommitOutcome, Committed } from "../../store/contract.ts";
import { fromArgument } from "./text.ts";

export function keyArgument({ kind, id }: { readonly kind: string; readonly id: string }): string {
  return `${kind}/${id}`;
}

export function fieldsArgument(fields: IndexedFields): string {
  // Lone surrogates come out escaped, and so survive.
  return JSON.stringify(fields);
}

/** Under what records with these values are found: 12 characters for each. */
export function indexArgument(fields: IndexedFields): string {
  let digests = "";
  for (const field of Object.entries(fields)) {
    digests += createHash("sha256").update(JSON.stringify(field), "utf8").digest("base64url").slice(0, 12);
  }
  return digests;
}

export function optional(value: number | undefined): string {
  return value === undefined ? "" : String(value);
}

/** A number that may be too large for the driver to read it exactly comes as text. */
export type Wide = number | string;

export type WireResult = readonly [
  version: Wide,
  incarnation: Wide,
  created: number,
  expiresAt: Wide | null,
  counters: readonly (string | number)[],
  heads: readonly (string | number)[],
];

/** One commit's answer: the server's time, what it is, and what belongs to that. */
export type WireOutcome = readonly [at: number, what: string, ...rest: readonly unknown[]];

export function committedFromWire(outcome: WireOutcome, changes: readonly Change[], options: CommitOptions): Committed {
  const [at, what, ...rest] = outcome;
  if (what === "ok") {
    return { ok: true, at, replayed: false, results: (rest[0] as readonly WireResult[]).map(resultFromWire) };
  }
  if (what !== "known") return { ok: false, at, refusal: refusalFromWire(what, rest, changes, options) };
  const known = knownFromWire(rest as unknown as WireKnown);
  if (known.digest !== options.commitId?.digest) return { ok: false, at, refusal: { reason: "commit-id" } };
  return { ok: true, at: known.at, replayed: true, results: known.results };
}

export type WireKnown = readonly [digest: string, at: number, results: readonly WireResult[]];

export function knownFromWire([digest, at, results]: WireKnown): CommitOutcome {
  return { digest: fromArgument(digest), at, results: results.map(resultFromWire) };
}

/** As JSON; `false` is how scripts say that there is none. */
export function resultsArgument(results: readonly ChangeResult[]): string {
  const flat = (map: ReadonlyMap<string, number>): (string | number)[] => [...map].flat();
  return JSON.stringify(
    results.map(({ version, incarnation, created, expiresAt, counters, heads }) => [
      version,
      incarnation,
      created ? 1 : 0,
      expiresAt ?? false,
      flat(counters),
      flat(heads),
    ]),
  );
}

function resultFromWire([version, incarnation, created, expiresAt, counters, heads]: WireResult): ChangeResult {
  return {
    version: Number(version),
    incarnation: Number(incarnation),
    created: created === 1,
    counters: mapFromFlat(counters),
    heads: mapFromFlat(heads),
    expiresAt: numberOr(expiresAt),
  };
}

/** Names and numbers in turn. */
export function mapFromFlat(flat: readonly (string | number)[]): ReadonlyMap<string, number> {
  const map = new Map<string, number>();
  for (let index = 0; index < flat.length; index += 2) map.set(String(flat[index]), Number(flat[index + 1]));
  return map;
}

function refusalFromWire(
  reason: string,
  rest: readonly unknown[],
  changes: readonly Change[],
  { fence, quota }: CommitOptions,
): Refusal {
  switch (reason) {
    case "version": {
      const index = Number(rest[0]);
      return { reason, index, expected: changes[index]?.expect ?? "any", actual: numberOr(rest[1]) };
    }
    case "beginning":
      return { reason, index: Number(rest[0]), expected: Number(rest[1]), actual: Number(rest[2]) };
    case "bounds":
      return {
        reason,
        index: Number(rest[0]),
        counter: String(rest[1]),
        value: Number(rest[2]),
        by: Number(rest[3]),
      };
    case "position":
      return {
        reason,
        index: Number(rest[0]),
        stream: String(rest[1]),
        expected: Number(rest[2]),
        actual: Number(rest[3]),
      };
    case "fence":
      return { reason, token: fence?.token ?? 0, actual: numberOr(rest[0]) };
    case "quota": {
      const which = rest[0] as Extract<Refusal, { readonly reason: "quota" }>["quota"];
      const limits = {
        records: quota?.records,
        bytes: quota?.bytes,
        kind: quota?.ofKind?.[String(rest[1])],
        commitIds: quota?.commitIds ?? maxCommitIdsPerOwner,
        counters: maxNamesPerRecord,
        streams: maxNamesPerRecord,
      };
      return { reason, quota: which, limit: limits[which] ?? 0 };
    }
    default:
      throw new Error(`the commit script answered "${reason}"`);
  }
}

export function numberOr(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}
