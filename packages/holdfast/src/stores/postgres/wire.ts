/** Commits as the JSON that `holdfast.commit_1` takes, whose keys `migrations/` explains, and its answers. */
import type {
  Append,
  Change,
  ChangeResult,
  CounterChange,
  Creation,
  NewDocument,
  Refusal,
} from "../../record/change.ts";
import { commitIdWindowMs, maxCommitIdsPerOwner } from "../../record/commit-ids.ts";
import type { Lifetime } from "../../record/record.ts";
import { utf8Length } from "../../record/text.ts";
import type { CommitOptions, CommitOutcome, Committed } from "../../store/contract.ts";
import { fieldsToColumn, fromColumn, toColumn } from "./text.ts";

/** `lockOwner`: the owner's row has to be locked before the records. */
export function commitToWire(
  owner: string,
  changes: readonly Change[],
  { commitId, fence, quota }: CommitOptions,
  lockOwner: boolean,
): object {
  return {
    o: owner,
    c: changes.map(changeToWire),
    ...(commitId !== undefined && {
      i: {
        id: toColumn(commitId.id),
        digest: toColumn(commitId.digest),
        window: commitIdWindowMs[commitId.origin],
        ...(commitId.origin === "caller" && { limit: quota?.commitIds ?? maxCommitIdsPerOwner }),
      },
    }),
    ...(fence !== undefined && { f: { k: fence.key.kind, i: fence.key.id, token: fence.token } }),
    ...(quota !== undefined && {
      q: {
        ...(quota.records !== undefined && { records: quota.records }),
        ...(quota.ofKind !== undefined && { kinds: quota.ofKind }),
        ...(quota.bytes !== undefined && { bytes: quota.bytes }),
      },
    }),
    ...(lockOwner && { w: true }),
  };
}

function changeToWire(change: Change): object {
  const { kind, id, expect, create, document, counters, appends, trims, lifetime, slide, end } = change;
  return {
    k: kind,
    i: id,
    e: expect,
    ...(create !== undefined && { n: creationToWire(create) }),
    ...(document !== undefined && { d: documentToWire(document) }),
    ...(counters?.length && { c: counters.map(counterToWire) }),
    ...(appends?.length && { a: appends.map(appendToWire) }),
    ...(trims?.length && { t: trims.map(({ stream, through }) => ({ s: toColumn(stream), p: through })) }),
    ...(lifetime !== undefined && { l: lifetimeToWire(lifetime) }),
    ...(slide === true && { s: true }),
    ...(end === true && { x: true }),
  };
}

function creationToWire(creation: Creation): object {
  const { lifetime, version } = creation;
  return { ...documentToWire(creation), l: lifetimeToWire(lifetime), ...(version !== undefined && { v: version }) };
}

function documentToWire({ text, position, fields }: NewDocument): object {
  return {
    t: toColumn(text),
    b: utf8Length(text),
    ...(position !== undefined && { p: position }),
    ...(fields !== undefined && { f: fieldsToColumn(fields) }),
  };
}

function lifetimeToWire({ idleMs, absoluteMs, retainMs }: Lifetime): object {
  return { i: idleMs, a: absoluteMs, r: retainMs };
}

function counterToWire({ name, by, min, max }: CounterChange): object {
  return { n: toColumn(name), by, min: finite(min), max: finite(max) };
}

/** JSON has no infinity; beyond every safe integer is as far. */
export function finite(bound: number | undefined): number | undefined {
  return bound === undefined ? undefined : Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, bound));
}

function appendToWire({ stream, data, expectedHead, keep }: Append): object {
  return {
    s: toColumn(stream),
    d: data.map(toColumn),
    b: data.map(utf8Length),
    ...(expectedHead !== undefined && { h: expectedHead }),
    ...(keep !== undefined && { k: keep }),
  };
}

/** What the database says about one commit. */
export type WireOutcome =
  | { readonly at: number; readonly results: readonly WireResult[] }
  | { readonly at: number; readonly refusal: Refusal }
  | { readonly at: number; readonly known: WireKnown }
  | { readonly blocked: string; readonly owner?: boolean };

export type WireKnown = {
  readonly digest: string;
  readonly at: number;
  readonly results: readonly WireResult[] | PlainResult;
};

/** What is kept of a plain commit, which has one result. */
type PlainResult = readonly [
  version: number,
  incarnation: number,
  counter: string | null,
  total: number | null,
  stream: string | null,
  head: number | null,
  expiresAt: number | null,
];

type WireResult = {
  readonly version: number;
  readonly incarnation: number;
  readonly created: boolean;
  readonly counters: Readonly<Record<string, number>>;
  readonly heads: Readonly<Record<string, number>>;
  readonly expiresAt: number | null;
};

/** The answer to a commit whose row nobody blocked. */
export function committedFromWire(
  outcome: Exclude<WireOutcome, { readonly blocked: string }>,
  digest: string | undefined,
): Committed {
  const { at } = outcome;
  if ("refusal" in outcome) return { ok: false, at, refusal: refusalFromWire(outcome.refusal) };
  if ("results" in outcome) return { ok: true, at, replayed: false, results: outcome.results.map(resultFromWire) };
  const known = knownFromWire(outcome.known);
  if (known.digest !== digest) return { ok: false, at, refusal: { reason: "commit-id" } };
  return { ok: true, at: known.at, replayed: true, results: known.results };
}

export function knownFromWire({ digest, at, results }: WireKnown): CommitOutcome {
  const all = isPlain(results) ? [unfolded(results)] : results;
  return { digest: fromColumn(digest), at, results: all.map(resultFromWire) };
}

function isPlain(results: WireKnown["results"]): results is PlainResult {
  return typeof results[0] === "number";
}

function unfolded([version, incarnation, counter, total, stream, head, expiresAt]: PlainResult): WireResult {
  return {
    version,
    incarnation,
    created: false,
    counters: counter === null || total === null ? {} : { [counter]: total },
    heads: stream === null || head === null ? {} : { [stream]: head },
    expiresAt,
  };
}

function resultFromWire({ version, incarnation, created, counters, heads, expiresAt }: WireResult): ChangeResult {
  return {
    version,
    incarnation,
    created,
    counters: mapFromWire(counters),
    heads: mapFromWire(heads),
    expiresAt: expiresAt ?? undefined,
  };
}

/** A result as `holdfast.commits` keeps it. */
export function resultToWire({ version, incarnation, created, counters, heads, expiresAt }: ChangeResult): WireResult {
  return {
    version,
    incarnation,
    created,
    counters: mapToWire(counters),
    heads: mapToWire(heads),
    expiresAt: expiresAt ?? null,
  };
}

function mapToWire<T>(map: ReadonlyMap<string, T>): Record<string, T> {
  return Object.fromEntries([...map].map(([name, value]) => [toColumn(name), value]));
}

export function mapFromWire<T>(object: Readonly<Record<string, T>>): ReadonlyMap<string, T> {
  return new Map(Object.entries(object).map(([name, value]) => [fromColumn(name), value]));
}

function refusalFromWire(refusal: Refusal): Refusal {
  if (refusal.reason === "position") return { ...refusal, stream: fromColumn(refusal.stream) };
  if (refusal.reason === "bounds") return { ...refusal, counter: fromColumn(refusal.counter) };
  if (refusal.reason === "version" || refusal.reason === "fence") {
    return { ...refusal, actual: refusal.actual ?? undefined };
  }
  return refusal;
}
