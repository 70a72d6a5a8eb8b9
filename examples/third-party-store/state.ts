/**
 * Everything the store holds, as a function of its journal: `apply` is all that ever changes it, and gives the same for
 * the same entries whenever they are applied. So the journal holds what was asked for, not what came of it.
 */
import {
  type AccountDump,
  brokenQuota,
  type Change,
  type CommitId,
  type CommitOptions,
  type CommitOutcome,
  type Committed,
  causeOf,
  closeAt,
  commitIdWindowMs,
  decide,
  type Effect,
  isClosed,
  isLive,
  livedMs,
  type Owner,
  type OwnerCounts,
  purgeAt,
  type ReapAnswer,
  type ReapedRecord,
  type RecordDump,
  type RecordKey,
  type RecordState,
  type Refusal,
  refuseSetback,
  type StoredEvent,
  type StoredRecord,
  utf8Length,
  type Version,
} from "holdfast/contract";

/** What is written down, with the time it was decided at. */
export type Entry = { readonly at: number } & (
  | { readonly op: "key"; readonly key: string }
  | {
      readonly op: "commit";
      readonly owner: Owner;
      readonly changes: readonly Change[];
      readonly commitId?: CommitId | undefined;
    }
  | { readonly op: "reap"; readonly limit: number }
  | { readonly op: "erase"; readonly owner: Owner }
  | { readonly op: "import"; readonly owner: Owner; readonly dump: RecordDump }
  | { readonly op: "account"; readonly owner: Owner; readonly dump: AccountDump }
);

export type Held = RecordKey & {
  readonly owner: Owner;
  state: RecordState;
  document: string;
  events: Map<string, StoredEvent[]>;
  /** Where it is in the order of creation, over all owners. */
  place: number;
};

export type Remembered = CommitOutcome & Pick<CommitId, "origin">;

export type Partition = {
  floor: Version;
  importFloor: Version;
  readonly records: Map<string, Held>;
  readonly commits: Map<string, Remembered>;
};

export class State {
  readonly partitions: Map<Owner, Partition> = new Map();
  cursorKey: Uint8Array = new Uint8Array(16);
  #place = 0;

  /** Makes an entry true. What came of it was told to whoever asked, the first time. */
  apply(entry: Entry): void {
    const { at } = entry;
    if (entry.op === "key") this.cursorKey = Buffer.from(entry.key, "base64");
    else if (entry.op === "commit") this.#commit(entry.owner, entry.changes, entry.commitId, at);
    else if (entry.op === "reap") this.#reap(entry.limit, at);
    else if (entry.op === "erase") this.#erase(entry.owner);
    else if (entry.op === "import") this.#import(entry.owner, entry.dump);
    else this.#account(entry.owner, entry.dump, at);
  }

  partition(owner: Owner): Partition {
    return this.partitions.get(owner) ?? { floor: 0, importFloor: 0, records: new Map(), commits: new Map() };
  }

  find(owner: Owner, { kind, id }: RecordKey): Held | undefined {
    return this.partitions.get(owner)?.records.get(`${kind}/${id}`);
  }

  live(owner: Owner, key: RecordKey, now: number): Held | undefined {
    const held = this.find(owner, key);
    return held !== undefined && isLive(held.state, now) ? held : undefined;
  }

  outcome(owner: Owner, id: string, now: number): Remembered | undefined {
    const known = this.partitions.get(owner)?.commits.get(id);
    return known !== undefined && known.at + commitIdWindowMs[known.origin] > now ? known : undefined;
  }

  /** What a commit comes to, without doing it: an answer that needs no entry, or what its changes would do. */
  judge(owner: Owner, changes: readonly Change[], options: CommitOptions, at: number): Committed | readonly Effect[] {
    const { commitId, fence, quota } = options;
    const known = commitId && this.outcome(owner, commitId.id, at);
    if (known !== undefined && known.digest !== commitId?.digest) return refused({ reason: "commit-id" }, at);
    if (known !== undefined) return { ok: true, at: known.at, replayed: true, results: known.results };
    const actual = fence && this.live(owner, fence.key, at)?.state.version;
    if (fence !== undefined && actual !== fence.token)
      return refused({ reason: "fence", token: fence.token, actual }, at);
    const effects: Effect[] = [];
    const growth = { bytes: 0, kinds: new Map<string, number>(), commitIds: commitId?.origin === "caller" ? 1 : 0 };
    for (const [index, change] of changes.entries()) {
      const held = this.find(owner, change);
      const decision = decide(held?.state, change, index, at, this.partition(owner).floor);
      if ("refusal" in decision) return refused(decision.refusal, at);
      effects.push(decision.effect);
      const live = Number(isLive(decision.effect.next, at)) - Number(held !== undefined && isLive(held.state, at));
      growth.kinds.set(change.kind, (growth.kinds.get(change.kind) ?? 0) + live);
      growth.bytes +=
        bytesOf(carriedOut(held, owner, change, decision.effect, at)) - (held === undefined ? 0 : bytesOf(held));
    }
    const broken = brokenQuota(this.counts(owner, at), growth, quota);
    return broken === undefined ? effects : refused(broken, at);
  }

  counts(owner: Owner, now: number): OwnerCounts {
    const { records, commits } = this.partition(owner);
    const kinds = new Map<string, number>();
    let bytes = 0;
    for (const held of records.values()) {
      bytes += bytesOf(held);
      if (isLive(held.state, now)) kinds.set(held.kind, (kinds.get(held.kind) ?? 0) + 1);
    }
    const remembered = [...commits.keys()].filter((id) => this.outcome(owner, id, now)?.origin === "caller");
    return { bytes, kinds, commitIds: remembered.length };
  }

  /** In the order of creation. */
  all(owner: Owner | undefined): readonly Held[] {
    const partitions = owner === undefined ? [...this.partitions.values()] : [this.partition(owner)];
    return partitions.flatMap(({ records }) => [...records.values()]).sort((one, other) => one.place - other.place);
  }

  /** What a sweep has to do: records to remove come first, then those that expired and are retained, to be closed. */
  sweep(limit: number, now: number): ReapAnswer {
    const all = this.all(undefined);
    const isOver = ({ state }: Held): boolean => (purgeAt(state) ?? Number.POSITIVE_INFINITY) <= now;
    const gone = all.filter(isOver);
    const expired = all.filter((held) => (closeAt(held.state) ?? Number.POSITIVE_INFINITY) <= now && !isOver(held));
    const removed = gone.slice(0, limit).map((held) => {
      return { ...overOf(held), cause: causeOf(held.state), closed: isClosed(held.state) };
    });
    const closed = expired.slice(0, limit - removed.length).map(overOf);
    return { removed, closed, more: gone.length + expired.length > limit };
  }

  #commit(owner: Owner, changes: readonly Change[], commitId: CommitId | undefined, at: number): void {
    const partition = this.#open(owner);
    // What is made after an erasure closes the door to what was erased.
    if (partition.records.size === 0) partition.importFloor = partition.floor;
    const { floor } = partition;
    const results = changes.map((change, index) => {
      const held = this.find(owner, change);
      const decision = decide(held?.state, change, index, at, floor);
      if ("refusal" in decision) throw new Error("the journal holds a commit that cannot be");
      const next = carriedOut(held, owner, change, decision.effect, at);
      if (decision.effect.result.created) next.place = ++this.#place;
      partition.records.set(`${change.kind}/${change.id}`, next);
      return decision.effect.result;
    });
    if (commitId === undefined) return;
    const { id, digest, origin } = commitId;
    partition.commits.set(id, { digest, origin, at, results });
  }

  #reap(limit: number, now: number): void {
    for (const [owner, { commits }] of this.partitions) {
      for (const id of commits.keys()) if (this.outcome(owner, id, now) === undefined) commits.delete(id);
    }
    const { removed, closed } = this.sweep(limit, now);
    for (const { owner, kind, id } of removed) {
      const partition = this.#open(owner);
      const version = this.find(owner, { kind, id })?.state.version ?? 0;
      partition.records.delete(`${kind}/${id}`);
      partition.floor = Math.max(partition.floor, version);
      partition.importFloor = Math.max(partition.importFloor, version);
    }
    for (const { owner, kind, id } of closed) {
      const held = this.find(owner, { kind, id });
      if (held !== undefined) held.state = { ...held.state, endedAt: held.state.expiresAt };
    }
  }

  #erase(owner: Owner): void {
    if (!this.partitions.has(owner)) return;
    const partition = this.#open(owner);
    for (const { state } of partition.records.values()) partition.floor = Math.max(partition.floor, state.version);
    partition.records.clear();
    partition.commits.clear();
    partition.importFloor = 0;
    if (partition.floor === 0) this.partitions.delete(owner);
  }

  #import(owner: Owner, { record, events }: RecordDump): void {
    const standing = this.find(owner, record);
    const { kind, id, document, ...state } = record;
    const same = standing?.state.incarnation === record.incarnation;
    this.#open(owner).records.set(`${kind}/${id}`, {
      owner,
      kind,
      id,
      state: { ...state, documentBytes: utf8Length(document) },
      document,
      events: new Map(Object.entries(events).map(([stream, list]) => [stream, [...list]])),
      place: same ? standing.place : ++this.#place,
    });
  }

  #account(owner: Owner, { floor, importFloor, commits }: AccountDump, now: number): void {
    if (floor === 0 && commits.length === 0 && !this.partitions.has(owner)) return;
    const partition = this.#open(owner);
    partition.floor = Math.max(partition.floor, floor);
    partition.importFloor = Math.max(partition.importFloor, importFloor);
    for (const { id, ...outcome } of commits) {
      const isOver = outcome.at + commitIdWindowMs.caller <= now;
      if (!isOver && this.outcome(owner, id, now) === undefined)
        partition.commits.set(id, { ...outcome, origin: "caller" });
    }
  }

  #open(owner: Owner): Partition {
    const partition = this.partition(owner);
    this.partitions.set(owner, partition);
    return partition;
  }
}

/** Throws `CONFLICT` where an import would take versions back. */
export function checkImport(state: State, owner: Owner, { record }: RecordDump): void {
  refuseSetback(record, state.find(owner, record)?.state.version, state.partition(owner).importFloor);
}

export function recordOf({ kind, id, state, document }: Held): StoredRecord {
  return { kind, id, ...state, document };
}

function overOf({ owner, kind, id, state }: Held): ReapedRecord {
  return { owner, kind, id, fields: state.fields, livedMs: livedMs(state) };
}

function carriedOut(held: Held | undefined, owner: Owner, { kind, id }: RecordKey, effect: Effect, at: number): Held {
  const { next, document, appended, trimmed, reset, drop } = effect;
  const kept = reset || drop ? undefined : held;
  const events = new Map([...(kept?.events ?? [])].map(([stream, list]) => [stream, [...list]]));
  if (!drop) {
    for (const { stream, from, data } of appended) {
      const list = events.get(stream) ?? [];
      for (const [index, text] of data.entries()) list.push({ position: from + index, at, data: text });
      events.set(stream, list);
    }
    for (const { stream, through } of trimmed) {
      events.set(
        stream,
        (events.get(stream) ?? []).filter(({ position }) => position > through),
      );
    }
  }
  const text = drop ? "" : (document ?? kept?.document ?? "");
  return { owner, kind, id, state: next, document: text, events, place: held?.place ?? 0 };
}

function bytesOf({ state, events }: Held): number {
  let bytes = state.documentBytes;
  for (const list of events.values()) for (const { data } of list) bytes += utf8Length(data);
  return bytes;
}

function refused(refusal: Refusal, at: number): Committed {
  return { ok: false, at, refusal };
}
