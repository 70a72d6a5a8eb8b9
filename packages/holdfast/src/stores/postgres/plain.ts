/**
 * The commits of a batch that are plain, and so decided all at once; `migrations/commit-plain.ts` has the other half. Of
 * one record only the first of the batch may replace the document or expect a version: those after it add and append.
 */
import type { Change } from "../../record/change.ts";
import { utf8Length } from "../../record/text.ts";
import type { CommitOptions, Committed } from "../../store/contract.ts";
import { fieldsToColumn, toColumn } from "./text.ts";
import { finite } from "./wire.ts";

export type Commit = {
  readonly owner: string;
  readonly changes: readonly Change[];
  readonly options: CommitOptions;
  /** The owner's row has to be locked before the records. */
  readonly lockOwner: boolean;
};

/** What the database answers to a plain commit it has carried out. */
export type PlainOutcome = readonly [
  place: number,
  version: number,
  incarnation: number,
  counter: number | null,
  head: number | null,
  expiresAt: number | null,
];

export class PlainBatch {
  /** The rows that `commit_plain_1` takes. */
  readonly rows: object[] = [];
  /** What the commits of each owner with a quota add at most, and what it may have, in bytes. */
  readonly owners: Record<string, [growth: number, limit: number]> = {};
  /** Records that a commit of the batch names, and whether those that came were all plain. */
  readonly #named = new Map<string, boolean>();
  #several = false;

  /** Whether some record has more than one of these commits. */
  get several(): boolean {
    return this.#several;
  }

  /** Takes the next commit of the batch, if it is plain. */
  take(place: number, commit: Commit): boolean {
    const { owner, changes, options } = commit;
    const [change] = changes;
    if (change === undefined || changes.length > 1 || options.fence !== undefined) {
      for (const key of changes) this.#named.set(addressOf(owner, key), false);
      if (options.fence !== undefined) this.#named.set(addressOf(owner, options.fence.key), false);
      return false;
    }
    const address = addressOf(owner, change);
    const before = this.#named.get(address);
    const isPlain = isPlainCommit(commit, change) && (before === undefined || (before && isBlind(change)));
    this.#named.set(address, isPlain);
    if (isPlain) this.#add(place, commit, change, before !== undefined);
    return isPlain;
  }

  #add(place: number, { owner, options }: Commit, change: Change, isRepeat: boolean): void {
    const { kind, id, expect, document, counters, appends, slide } = change;
    const { commitId } = options;
    const counter = counters?.[0];
    const append = appends?.[0];
    const sizes = append?.data.map(utf8Length);
    const bytes = document && utf8Length(document.text);
    const added = sizes?.reduce((total, size) => total + size, 0);
    const limit = limitOf(options, change);
    if (limit !== undefined) {
      const [growth, least] = this.owners[owner] ?? [0, limit];
      this.owners[owner] = [growth + (bytes ?? 0) + (added ?? 0), Math.min(least, limit)];
    }
    this.#several ||= isRepeat;
    this.rows.push({
      p: place,
      o: owner,
      k: kind,
      i: id,
      e: typeof expect === "number" ? expect : undefined,
      t: document && toColumn(document.text),
      b: bytes,
      dp: document?.position,
      f: document?.fields && fieldsToColumn(document.fields),
      c: counter && toColumn(counter.name),
      y: counter?.by,
      min: finite(counter?.min),
      max: finite(counter?.max),
      a: append && toColumn(append.stream),
      d: append?.data.map(toColumn),
      z: sizes,
      g: added,
      h: append?.keep,
      s: slide === true ? true : undefined,
      q: limit,
      ci: commitId && toColumn(commitId.id),
      cd: commitId && toColumn(commitId.digest),
    });
  }
}

export function addressOf(owner: string, { kind, id }: { readonly kind: string; readonly id: string }): string {
  return `${owner}/${kind}/${id}`;
}

function isPlainCommit({ options, lockOwner }: Commit, change: Change): boolean {
  if (options.commitId?.origin === "caller" || (lockOwner && limitOf(options, change) === undefined)) return false;
  const { expect, create, counters, appends, trims, lifetime, end } = change;
  if (typeof expect !== "number" && expect !== "present") return false;
  if (create !== undefined || trims?.length || lifetime !== undefined || end === true) return false;
  if (counters !== undefined && counters.length > 1) return false;
  if (appends === undefined || appends.length === 0) return true;
  const [append] = appends;
  return appends.length === 1 && append?.expectedHead === undefined && append?.data.length !== 0;
}

function isBlind({ expect, document }: Change): boolean {
  return typeof expect !== "number" && document === undefined;
}

/** The quota of bytes where there is one and this may break it. What is there already becomes no more records. */
function limitOf({ quota }: CommitOptions, { document, appends }: Change): number | undefined {
  const limit = quota?.bytes;
  const grows = document !== undefined || (appends !== undefined && appends.length > 0);
  return grows && limit !== undefined && Number.isFinite(limit) ? limit : undefined;
}

export function committedFromPlain(at: number, outcome: PlainOutcome, change: Change): Committed {
  const [, version, incarnation, counter, head, expiresAt] = outcome;
  const [added] = change.counters ?? [];
  const [append] = change.appends ?? [];
  return {
    ok: true,
    at,
    replayed: false,
    results: [
      {
        version,
        incarnation,
        created: false,
        counters: added === undefined || counter === null ? none : new Map([[added.name, counter]]),
        heads: append === undefined || head === null ? none : new Map([[append.stream, head]]),
        expiresAt: expiresAt ?? undefined,
      },
    ],
  };
}

const none: ReadonlyMap<string, number> = new Map();
