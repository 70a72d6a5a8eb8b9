/**
 * One write transaction as drafts over rows: what several commits do to one record or owner is folded here and written
 * once, when the transaction is flushed. Nothing here is asynchronous, and nothing reaches the cache before COMMIT.
 */
import { purgeAt } from "../../record/expiry.ts";
import type { RecordKey } from "../../record/record.ts";
import { type Account, addKinds, emptyAccount, type Growth, grow } from "./account.ts";
import { type Cache, cacheKey } from "./cache.ts";
import type { SqlRow, SqlValue } from "./client.ts";
import { entryFromRow, kindsFromColumn, kindsToColumn, metaToColumn, tailToColumn, textToColumn } from "./codec.ts";
import { type Entry, maxTailBytes, settledHead, type TailEvent, tailEventOverhead } from "./entry.ts";
import { putRuns } from "./runs.ts";
import type { Statements } from "./statements.ts";

export type AccountDraft = { readonly owner: string; account: Account; changed: boolean };

export type Draft = {
  readonly kind: string;
  readonly id: string;
  readonly owner: AccountDraft;
  entry: Entry;
  /** What lies in the row, as far as it matters for what has to be written. */
  stored: Entry | undefined;
  removed: boolean;
};

export class Transaction {
  readonly #statements: Statements;
  readonly #cache: Cache;
  readonly #accounts = new Map<string, AccountDraft>();
  readonly #drafts = new Map<string, Draft>();

  constructor(statements: Statements, cache: Cache) {
    this.#statements = statements;
    this.#cache = cache;
  }

  get statements(): Statements {
    return this.#statements;
  }

  account(owner: string): AccountDraft {
    const standing = this.#accounts.get(owner);
    if (standing !== undefined) return standing;
    const account = this.#cache.account(owner) ?? loadAccount(this.#statements, owner) ?? emptyAccount;
    const draft = { owner, account, changed: false };
    this.#accounts.set(owner, draft);
    return draft;
  }

  find(owner: AccountDraft, { kind, id }: RecordKey): Draft | undefined {
    if (owner.account.row === 0) return undefined;
    const key = cacheKey(owner.account.row, kind, id);
    const standing = this.#drafts.get(key);
    if (standing !== undefined) return standing.removed ? undefined : standing;
    const entry = this.#cache.entry(key) ?? loadEntry(this.#statements, owner.account.row, kind, id);
    if (entry === undefined) return undefined;
    const draft = { kind, id, owner, entry, stored: entry, removed: false };
    this.#drafts.set(key, draft);
    return draft;
  }

  /** Gives a record its next state. Deletes what an earlier incarnation left, if this is a new one. */
  put(owner: AccountDraft, key: RecordKey, standing: Draft | undefined, entry: Entry): void {
    this.#ensureRow(owner);
    if (standing !== undefined && entry.state.incarnation === standing.entry.state.incarnation) {
      standing.entry = entry;
    } else {
      if (standing !== undefined) this.#deleteRows(standing);
      const { kind, id } = key;
      const address = cacheKey(owner.account.row, kind, id);
      // Last in the map is last to get a row, and rows are the order of creation.
      this.#drafts.delete(address);
      this.#drafts.set(address, { kind, id, owner, entry, stored: undefined, removed: false });
    }
    const { expiresAt } = entry.state;
    if (entry.live && expiresAt !== undefined && expiresAt < owner.account.nextExpiryAt) {
      owner.account = { ...owner.account, nextExpiryAt: expiresAt };
    }
  }

  grow(owner: AccountDraft, growth: Growth): void {
    const { stored, events, bytes, commitIds, kinds } = growth;
    if (stored === 0 && events === 0 && bytes === 0 && commitIds === 0 && kinds.size === 0) return;
    owner.account = grow(owner.account, growth);
    owner.changed = true;
  }

  /** Says that nothing of an owner is left but a floor. Its records must have been deleted. */
  reset(owner: AccountDraft, floor: number): void {
    for (const [key, draft] of this.#drafts) if (draft.owner === owner) this.#drafts.delete(key);
    this.#cache.clear();
    owner.account = { ...emptyAccount, row: owner.account.row, floor };
    owner.changed = true;
  }

  raiseFloor(owner: AccountDraft, version: number): void {
    const { floor, importFloor } = owner.account;
    if (version <= importFloor) return;
    owner.account = { ...owner.account, floor: Math.max(floor, version), importFloor: version };
    owner.changed = true;
  }

  /** Lets floors rise to at least these, for an owner who need not have had anything here. */
  raiseFloors(owner: AccountDraft, floor: number, importFloor: number): void {
    this.#ensureRow(owner);
    const { account } = owner;
    owner.account = {
      ...account,
      floor: Math.max(account.floor, floor),
      importFloor: Math.max(account.importFloor, importFloor),
    };
    owner.changed = true;
  }

  /** Removes the record and everything of it. Counts are the caller's to mend. */
  remove(draft: Draft): void {
    this.#deleteRows(draft);
    draft.removed = true;
  }

  /** Stops counting as live what has expired by now. */
  settleExpired(owner: AccountDraft, now: number): void {
    const { row } = owner.account;
    if (row === 0 || now < owner.account.nextExpiryAt) return;
    // Rows must say what the drafts say: a record that was just slid has not expired.
    this.#flushDrafts();
    const kinds = new Map<string, number>();
    for (const { kind: kindColumn, record } of this.#statements.get("settleExpired").all(row, now)) {
      const kind = String(kindColumn);
      kinds.set(kind, (kinds.get(kind) ?? 0) - 1);
      const key = cacheKey(row, kind, String(record));
      // What is remembered of it still says that it counts.
      this.#cache.dropEntry(key);
      const draft = this.#drafts.get(key);
      if (draft !== undefined) draft.entry = draft.stored = { ...draft.entry, live: false };
    }
    owner.account = {
      ...owner.account,
      kinds: addKinds(owner.account.kinds, kinds),
      nextExpiryAt: nextExpiry(this.#statements, row),
    };
    owner.changed ||= kinds.size > 0;
  }

  /** Writes everything that changed. */
  flush(): void {
    this.#flushDrafts();
    for (const draft of this.#accounts.values()) {
      if (!draft.changed) continue;
      const { row } = draft.account;
      this.#statements.get("updateAccount").run(...accountToColumns(draft.account), row);
      draft.changed = false;
    }
  }

  /** Lets readers and later transactions know. Call after COMMIT. */
  publish(): void {
    for (const [key, { entry, removed }] of this.#drafts) {
      if (removed) this.#cache.dropEntry(key);
      else this.#cache.keepEntry(key, entry);
    }
    for (const { owner, account } of this.#accounts.values()) {
      if (account.row !== 0) this.#cache.keepAccount(owner, account);
    }
  }

  #ensureRow(owner: AccountDraft): void {
    if (owner.account.row !== 0) return;
    const inserted = this.#statements.get("insertAccount").run(owner.owner, ...accountToColumns(owner.account));
    owner.account = { ...owner.account, row: Number(inserted.lastInsertRowid) };
  }

  #deleteRows({ entry, stored }: Draft): void {
    const { row } = entry;
    if (row === 0) return;
    this.#statements.get("deleteEntry").run(row);
    if (stored === undefined || stored.apart) this.#statements.get("deleteDocument").run(row);
    if (stored === undefined || hasSettledEvents(stored)) this.#statements.get("deleteEvents").run(row);
  }

  #flushDrafts(): void {
    for (const draft of this.#drafts.values()) {
      if (!draft.removed && draft.entry !== draft.stored) this.#write(draft);
    }
  }

  #write(draft: Draft): void {
    let { entry } = draft;
    const { stored } = draft;
    const spilled = isLong(entry.tail) ? entry.tail : [];
    if (spilled.length > 0) entry = { ...entry, tail: [] };
    if (stored === undefined) entry = { ...entry, row: this.#insert(draft, entry) };
    else this.#update(entry, stored);
    this.#writeDocument(entry, stored);
    if (spilled.length > 0) putRuns(this.#statements, entry.row, spilled);
    draft.entry = draft.stored = entry;
  }

  #insert({ kind, id, owner }: Draft, entry: Entry): number {
    const { lastInsertRowid } = this.#statements
      .get("insertEntry")
      .run(
        owner.account.row,
        kind,
        id,
        entry.live ? 1 : 0,
        expiryColumn(entry),
        purgeAt(entry.state) ?? null,
        metaToColumn(entry),
        tailToColumn(entry),
        inlineDocument(entry),
      );
    return Number(lastInsertRowid);
  }

  #update(entry: Entry, stored: Entry): void {
    const { row } = entry;
    const meta = metaToColumn(entry);
    const tail = entry.tail !== stored.tail;
    const document = entry.document !== stored.document || entry.apart !== stored.apart;
    const statements = this.#statements;
    if (tail && document) {
      statements.get("updateTailAndDocument").run(meta, tailToColumn(entry), inlineDocument(entry), row);
    } else if (document) statements.get("updateDocument").run(meta, inlineDocument(entry), row);
    else if (tail) statements.get("updateTail").run(meta, tailToColumn(entry), row);
    else statements.get("updateMeta").run(meta, row);

    const purge = purgeAt(entry.state);
    const expiry = expiryColumn(entry);
    if (entry.live !== stored.live || expiry !== expiryColumn(stored) || purge !== purgeAt(stored.state)) {
      statements.get("updateSchedule").run(entry.live ? 1 : 0, expiry, purge ?? null, row);
    }
  }

  #writeDocument(entry: Entry, stored: Entry | undefined): void {
    if (entry.apart) {
      if (entry.document === undefined || entry.document === stored?.document) return;
      this.#statements.get("putDocument").run(entry.row, textToColumn(entry.document));
    } else if (stored?.apart) this.#statements.get("deleteDocument").run(entry.row);
  }
}

export function loadAccount(statements: Statements, owner: string): Account | undefined {
  const row = statements.get("findAccount").get(owner);
  if (row === undefined) return undefined;
  return { ...accountFromRow(row), nextExpiryAt: nextExpiry(statements, Number(row["id"])) };
}

export function loadEntry(statements: Statements, owner: number, kind: string, id: string): Entry | undefined {
  const row = statements.get("findEntry").get(owner, kind, id);
  return row === undefined ? undefined : entryFromRow(row);
}

/** Whether any event of the record lies in the events table. */
export function hasSettledEvents(entry: Entry): boolean {
  for (const [stream, { first }] of entry.state.streams) if (settledHead(entry, stream) >= first) return true;
  return false;
}

function accountToColumns(account: Account): readonly SqlValue[] {
  const { floor, importFloor, stored, events, bytes, commitIds, kinds } = account;
  return [floor, importFloor, stored, events, bytes, commitIds, kindsToColumn(kinds)];
}

function accountFromRow(row: SqlRow): Omit<Account, "nextExpiryAt"> {
  return {
    row: Number(row["id"]),
    floor: Number(row["floor"]),
    importFloor: Number(row["import_floor"]),
    stored: Number(row["stored"]),
    events: Number(row["events"]),
    bytes: Number(row["bytes"]),
    commitIds: Number(row["commit_ids"]),
    kinds: kindsFromColumn(row["kinds"]),
  };
}

function nextExpiry(statements: Statements, owner: number): number {
  const at = statements.get("nextExpiry").get(owner)?.["at"];
  return typeof at === "number" ? at : Number.POSITIVE_INFINITY;
}

/** When a record expires of which that is not settled yet: what was ended or closed has no expiry to come. */
export function expiryColumn({ state }: Pick<Entry, "state">): number | null {
  return state.endedAt === undefined ? (state.expiresAt ?? null) : null;
}

function inlineDocument({ apart, document }: Entry): ReturnType<typeof textToColumn> | null {
  return apart || document === undefined ? null : textToColumn(document);
}

function isLong(tail: readonly TailEvent[]): boolean {
  let bytes = 0;
  for (const event of tail) bytes += event.bytes + tailEventOverhead;
  return bytes > maxTailBytes;
}
