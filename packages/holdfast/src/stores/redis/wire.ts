/** Commits as arguments of the commit script, in the order in which it takes them, and its answers. */
import { createHash } from "node:crypto";

import type { Change, ChangeResult, NewDocument, Refusal } from "../../record/change.ts";
import { maxCommitIdsPerOwner } from "../../record/commit-ids.ts";
import { type IndexedFields, type Lifetime, maxNamesPerRecord } from "../../record/record.ts";
import type { CommitOptions, CommitOutcome, Committed } from "../../store/contract.ts";
import { fromArgument, toArgument } from "./text.ts";

/** Appends the arguments of one commit. */
export function putCommit(args: string[], changes: readonly Change[], options: CommitOptions): void {
  const { commitId, fence, quota } = options;
  const parts = args.push("") - 1;
  let letters = "";
  if (commitId !== undefined) {
    const isCaller = commitId.origin === "caller";
    letters += isCaller ? "c" : "i";
    args.push(commitId.id, toArgument(commitId.digest));
    if (isCaller) args.push(String(quota?.commitIds ?? maxCommitIdsPerOwner));
  }
  if (fence !== undefined) {
    letters += "f";
    args.push(keyArgument(fence.key), String(fence.token));
  }
  if (quota !== undefined) {
    letters += "q";
    args.push(optional(quota.records), optional(quota.bytes));
    const kinds = Object.entries(quota.ofKind ?? {}).filter(([, limit]) => limit !== undefined);
    args.push(String(kinds.length));
    for (const [kind, limit] of kinds) args.push(kind, String(limit));
  }
  args[parts] = letters;
  args.push(String(changes.length));
  for (const change of changes) putChange(args, change);
}

function putChange(args: string[], change: Change): void {
  const { expect, create, document, counters, appends, trims, lifetime, slide, end } = change;
  args.push(keyArgument(change), String(expect));
  const parts = args.push("") - 1;
  let letters = "";
  if (create !== undefined) {
    letters += "n";
    putDocument(args, create);
    args.push(lifetimeArgument(create.lifetime));
  }
  if (document !== undefined) {
    letters += "d";
    putDocument(args, document);
  }
  if (counters !== undefined && counters.length > 0) {
    letters += "c";
    args.push(String(counters.length));
    for (const { name, by, min, max } of counters) args.push(name, String(by), bound(min), bound(max));
  }
  if (appends !== undefined && appends.length > 0) {
    letters += "a";
    args.push(String(appends.length));
    for (const { stream, data, expectedHead, keep } of appends) {
      args.push(stream, optional(expectedHead), optional(keep), String(data.length));
      for (const text of data) args.push(text);
    }
  }
  if (trims !== undefined && trims.length > 0) {
    letters += "t";
    args.push(String(trims.length));
    for (const { stream, through } of trims) args.push(stream, String(through));
  }
  if (lifetime !== undefined) {
    letters += "l";
    args.push(lifetimeArgument(lifetime));
  }
  if (slide === true) letters += "s";
  if (end === true) letters += "x";
  args[parts] = letters;
}

function putDocument(args: string[], { text, position, fields }: NewDocument): void {
  args.push(text, optional(position));
  if (fields === undefined) args.push("", "");
  else args.push(fieldsArgument(fields), indexArgument(fields));
}

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

function lifetimeArgument({ idleMs, absoluteMs, retainMs }: Lifetime): string {
  return `${idleMs ?? ""},${absoluteMs ?? ""},${retainMs ?? ""}`;
}

export function optional(value: number | undefined): string {
  return value === undefined ? "" : String(value);
}

/** Lua reads no infinity; beyond every safe integer is as far. */
function bound(value: number | undefined): string {
  if (value === undefined) return "";
  return String(Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value)));
}

/** How much room a commit takes on its way. */
export function charactersOf(changes: readonly Change[]): number {
  let characters = 0;
  for (const { create, document, appends = [] } of changes) {
    characters += (create?.text.length ?? 0) + (document?.text.length ?? 0);
    for (const { data } of appends) for (const text of data) characters += text.length;
  }
  return characters;
}

/** Whether a commit can only make the store smaller, a commit id aside. */
export function onlyFrees(changes: readonly Change[]): boolean {
  return changes.every(({ create, document, counters, appends, trims, end }) => {
    const grows = create !== undefined || document !== undefined || counters?.length || appends?.length;
    return !grows && (end === true || (trims !== undefined && trims.length > 0));
  });
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
