import type { Change, Refusal } from "../../record/change.ts";
import type { CommitIdOrigin } from "../../record/commit-ids.ts";
import type { decide, Effect } from "../../record/decide.ts";
import { closeAt, isLive, purgeAt } from "../../record/expiry.ts";
import { brokenQuota, type Quota, type Usage, usageOf } from "../../record/quota.ts";
import type { Owner, RecordKey, Version } from "../../record/record.ts";
import { CommitIds } from "./commit-ids.ts";
import { CreationOrder } from "./creation-order.ts";
import { bytesAfter, type Entry } from "./entry.ts";

/** One change that was decided and not yet written. */
export type Decided = {
  readonly key: RecordKey;
  readonly entry: Entry | undefined;
  readonly effect: Effect;
  readonly bytes: number;
};

/** What is left of an owner who has nothing. */
export type Floors = { readonly floor: Version; readonly importFloor: Version };

export type PartitionDuties = {
  /** The decision of `record/decide.ts`, unless a test plants a fault here. */
  readonly decide: typeof decide;
  /** Called once for every commit id that is forgotten. */
  readonly onForget: () => void;
};

/** Everything of one owner: its records, its floor, its counts and its commit ids. */
export class Partition {
  readonly owner: Owner;
  readonly commitIds: CommitIds;
  floor: Version;
  /** The floor that imports are measured against: not what was erased, as long as nothing was made since. */
  importFloor: Version;
  bytes = 0;
  readonly #entries = new Map<string, Entry>();
  readonly #orders = new Map<string, CreationOrder<Entry>>();
  readonly #liveByKind = new Map<string, number>();
  /** No record counted as live expires before this. */
  #nextExpiryAt = Number.POSITIVE_INFINITY;
  /** No record may be purged or closed before this. */
  #nextSweepAt = Number.POSITIVE_INFINITY;

  readonly #decide: typeof decide;

  constructor(owner: Owner, { floor, importFloor }: Floors, { decide: how, onForget }: PartitionDuties) {
    this.owner = owner;
    this.#decide = how;
    this.floor = floor;
    this.importFloor = importFloor;
    this.commitIds = new CommitIds(onForget);
  }

  get hasRecords(): boolean {
    return this.#entries.size > 0;
  }

  /** Whether there is nothing here but a floor. */
  get isEmpty(): boolean {
    return this.#entries.size === 0 && this.commitIds.size === 0;
  }

  entries(): Iterable<Entry> {
    return this.#entries.values();
  }

  get({ kind, id }: RecordKey): Entry | undefined {
    return this.#entries.get(`${kind}/${id}`);
  }

  live(key: RecordKey, now: number): Entry | undefined {
    const entry = this.get(key);
    return entry !== undefined && isLive(entry.state, now) ? entry : undefined;
  }

  order(kind: string): CreationOrder<Entry> | undefined {
    return this.#orders.get(kind);
  }

  /** Decides every change, or says why none may happen. Writes nothing. */
  decide(changes: readonly Change[], now: number): readonly Decided[] | Refusal {
    const decided: Decided[] = [];
    for (const [index, change] of changes.entries()) {
      const entry = this.get(change);
      const decision = this.#decide(entry?.state, change, index, now, this.floor);
      if ("refusal" in decision) return decision.refusal;
      const { effect } = decision;
      decided.push({ key: change, entry, effect, bytes: bytesAfter(entry, effect) });
    }
    return decided;
  }

  /** Which quota the decided changes, and a commit id of this origin, would break: only what grows can. */
  brokenQuota(
    decided: readonly Decided[],
    origin: CommitIdOrigin | undefined,
    quota: Quota | undefined,
    now: number,
  ): Refusal | undefined {
    this.#recount(now);
    const kinds = new Map<string, number>();
    let bytes = 0;
    for (const { key, entry, effect, bytes: after } of decided) {
      const change = Number(isLive(effect.next, now)) - Number(entry?.counted ?? false);
      kinds.set(key.kind, (kinds.get(key.kind) ?? 0) + change);
      bytes += after - (entry?.bytes ?? 0);
    }
    const growth = { bytes, kinds, commitIds: origin === "caller" ? 1 : 0 };
    return brokenQuota(
      { bytes: this.bytes, kinds: this.#liveByKind, commitIds: this.commitIds.ofCallers },
      growth,
      quota,
    );
  }

  add(entry: Entry): void {
    this.#entries.set(`${entry.kind}/${entry.id}`, entry);
  }

  /** Puts the record at the end of its kind's listing: it has just been created. */
  listLast(entry: Entry, sequence: number): void {
    const order = this.#orders.get(entry.kind) ?? new CreationOrder<Entry>();
    this.#orders.set(entry.kind, order);
    if (entry.listed !== undefined) order.remove(entry.listed);
    entry.listed = order.add(sequence, entry);
  }

  /** Brings counts and due times up to date after the record changed. */
  changed(entry: Entry, bytesBefore: number, now: number): void {
    this.bytes += entry.bytes - bytesBefore;
    this.#count(entry, isLive(entry.state, now));
    if (entry.counted) this.#nextExpiryAt = Math.min(this.#nextExpiryAt, entry.state.expiresAt ?? this.#nextExpiryAt);
    this.#nextSweepAt = Math.min(this.#nextSweepAt, sweepAt(entry));
  }

  remove(entry: Entry): void {
    this.#count(entry, false);
    this.bytes -= entry.bytes;
    this.floor = Math.max(this.floor, entry.state.version);
    this.importFloor = Math.max(this.importFloor, entry.state.version);
    this.#entries.delete(`${entry.kind}/${entry.id}`);
    const order = this.#orders.get(entry.kind);
    if (order !== undefined && entry.listed !== undefined) order.remove(entry.listed);
    if (order?.isEmpty) this.#orders.delete(entry.kind);
  }

  /** Records that a sweep has to remove or to close, at most `limit`. */
  due(now: number, limit: number): readonly Entry[] {
    if (now < this.#nextSweepAt) return [];
    const due: Entry[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) {
      const at = sweepAt(entry);
      if (at <= now && due.length < limit) due.push(entry);
      next = Math.min(next, at);
    }
    this.#nextSweepAt = next;
    return due;
  }

  /** Notes of an expired record that its expiry has been told: it is its end from now on. */
  close(entry: Entry): void {
    entry.state = { ...entry.state, endedAt: entry.state.expiresAt };
    this.#count(entry, false);
    this.#nextSweepAt = Math.min(this.#nextSweepAt, sweepAt(entry));
  }

  usage(now: number): Usage {
    this.#recount(now);
    return usageOf({ bytes: this.bytes, kinds: this.#liveByKind });
  }

  /** Takes out of the counts what expired since they were last looked at. */
  #recount(now: number): void {
    if (now < this.#nextExpiryAt) return;
    let next = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) {
      if (!entry.counted) continue;
      if (!isLive(entry.state, now)) this.#count(entry, false);
      else next = Math.min(next, entry.state.expiresAt ?? next);
    }
    this.#nextExpiryAt = next;
  }

  #count(entry: Entry, live: boolean): void {
    if (entry.counted === live) return;
    entry.counted = live;
    const count = (this.#liveByKind.get(entry.kind) ?? 0) + (live ? 1 : -1);
    if (count === 0) this.#liveByKind.delete(entry.kind);
    else this.#liveByKind.set(entry.kind, count);
  }
}

/** When a sweep has something to do with a record: to close it first, if it is retained, and then to remove it. */
function sweepAt({ state }: Entry): number {
  return closeAt(state) ?? purgeAt(state) ?? Number.POSITIVE_INFINITY;
}
