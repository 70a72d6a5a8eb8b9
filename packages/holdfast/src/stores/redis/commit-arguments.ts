/**
 * Commits as arguments of the commit script: one JSON text with all names and numbers, `[quotas, commits]`, and behind it
 * whatever people wrote, as it is and in the order in which the script takes it. What is not there is `false`, since Lua
 * cannot tell `null` from something; what is not there at the end of an array is left out.
 */
import type { Append, Change, CounterChange, Creation, NewDocument } from "../../record/change.ts";
import { maxCommitIdsPerOwner } from "../../record/commit-ids.ts";
import type { Lifetime } from "../../record/record.ts";
import type { CommitOptions, Quota } from "../../store/contract.ts";
import { toArgument } from "./text.ts";
import { fieldsArgument, indexArgument, keyArgument } from "./wire.ts";

export type GivenCommit = { readonly changes: readonly Change[]; readonly options: CommitOptions };

/** A value of JSON that Lua can look into. */
type Part = string | number | boolean | readonly Part[] | { readonly [name: string]: Part };

export function commitArguments(commits: readonly GivenCommit[]): string[] {
  const texts: string[] = [];
  const quotas: Quota[] = [];
  const parts = commits.map((commit) => commitParts(commit, quotas, texts));
  return [JSON.stringify([quotas.map(quotaParts), parts]), ...texts];
}

/** `[changes, id, room for ids of callers, fence, its token, number of the quota]` */
function commitParts({ changes, options }: GivenCommit, quotas: Quota[], texts: string[]): readonly Part[] {
  const { commitId, fence, quota } = options;
  if (commitId !== undefined) texts.push(toArgument(commitId.digest));
  return withoutEnd([
    changes.map((change) => changeParts(change, texts)),
    commitId?.id ?? false,
    commitId?.origin === "caller" && limitPart(quota?.commitIds ?? maxCommitIdsPerOwner),
    fence !== undefined && keyArgument(fence.key),
    fence?.token ?? false,
    quota !== undefined && numberOf(quota, quotas),
  ]);
}

/** Most commits of a batch have the same quota, and so it is sent once. */
function numberOf(quota: Quota, quotas: Quota[]): number {
  const index = quotas.indexOf(quota);
  return index === -1 ? quotas.push(quota) : index + 1;
}

/** `[records, bytes, records by kind]` */
function quotaParts({ records, bytes, ofKind = {} }: Quota): readonly Part[] {
  const kinds = Object.entries(ofKind).map(([kind, limit]) => [kind, limitPart(limit)] as const);
  return [limitPart(records), limitPart(bytes), Object.fromEntries(kinds)];
}

/** `[key, expect, counters, appends, trims, document, lifetime, slide, end, create]` */
function changeParts(change: Change, texts: string[]): readonly Part[] {
  const { expect, create, document, counters = [], appends = [], trims = [], lifetime, slide, end } = change;
  const created = create !== undefined && creationParts(create, texts);
  const written = document !== undefined && documentParts(document, texts);
  for (const { data } of appends) for (const text of data) texts.push(text);
  return withoutEnd([
    keyArgument(change),
    expect,
    counters.length > 0 && counters.map(counterParts),
    appends.length > 0 && appends.map(appendParts),
    trims.length > 0 && trims.map(({ stream, through }) => [stream, through]),
    written,
    lifetime !== undefined && lifetimePart(lifetime),
    slide === true,
    end === true,
    created,
  ]);
}

/** `[position, whether fields are given]` */
function documentParts({ text, position, fields }: NewDocument, texts: string[]): readonly Part[] {
  texts.push(text);
  if (fields !== undefined) texts.push(fieldsArgument(fields), indexArgument(fields));
  return [position ?? false, fields !== undefined];
}

/** `[position, whether fields are given, lifetime, version to begin at]` */
function creationParts(create: Creation, texts: string[]): readonly Part[] {
  return withoutEnd([...documentParts(create, texts), lifetimePart(create.lifetime), create.version ?? false]);
}

function counterParts({ name, by, min, max }: CounterChange): readonly Part[] {
  return withoutEnd([name, by, limitPart(min), limitPart(max)]);
}

function appendParts({ stream, data, expectedHead, keep }: Append): readonly Part[] {
  return [stream, expectedHead ?? false, keep ?? false, data.length];
}

function lifetimePart({ idleMs, absoluteMs, retainMs }: Lifetime): string {
  return `${idleMs ?? ""},${absoluteMs ?? ""},${retainMs ?? ""}`;
}

/** JSON has no infinity; beyond every safe integer is as far. */
function limitPart(value: number | undefined): number | false {
  return value !== undefined && Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value));
}

function withoutEnd(parts: Part[]): readonly Part[] {
  while (parts.at(-1) === false) parts.pop();
  return parts;
}

/** Whether a commit can only make the store smaller, a commit id aside. */
export function onlyFrees(changes: readonly Change[]): boolean {
  return changes.every(({ create, document, counters, appends, trims, end }) => {
    const grows = create !== undefined || document !== undefined || counters?.length || appends?.length;
    return !grows && (end === true || (trims !== undefined && trims.length > 0));
  });
}
