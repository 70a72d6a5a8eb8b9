/**
 * The narrow waist of holdfast. Everything above it is written once; every store implements this and nothing else.
 *
 * Rules every store keeps (the conformance suite in `holdfast/testing` checks each):
 *
 * 1. A version is never reused for an id. It grows by one with each document change of an incarnation; a new
 *    incarnation starts above the last version of the id and above the owner's floor, which reaping raises.
 * 2. Counters and appends never conflict with document writers or with each other.
 * 3. The owner is part of every key. Foreign and absent are the same answer.
 * 4. The store's clock decides expiry. Expiry is logical at once; `reap` closes what is retained and removes the rest later.
 * 5. Positions of a stream are handed out under the record's own lock: commit order is position order, without gaps.
 *    `read` with tails answers document and events from one consistent state.
 * 6. A commit id is looked up before anything is decided; the same id with the same digest answers the first outcome.
 * 7. Hints wake readers; the truth is the stream, read from a cursor.
 * 8. Commits in flight share a batch; each keeps its own outcome.
 * 9. Settings that would break a promise are refused when the store opens.
 *
 * A conflict is a result, never an exception. What a store throws is a `HoldfastError`. Every call that waits takes a
 * signal; `ABORTED` always means that nothing was written.
 */
import type { Change, ChangeResult, Refusal } from "../record/change.ts";
import type { CommitIdOrigin } from "../record/commit-ids.ts";
import type { Quota, Usage } from "../record/quota.ts";
import type {
  IndexedFields,
  Owner,
  Position,
  RecordKey,
  RecordSummary,
  StoredEvent,
  StoredRecord,
  StreamHead,
  Version,
} from "../record/record.ts";
import type { StoreFigures, StoreHealth, StoreTraits } from "./traits.ts";

export type { Quota, Usage } from "../record/quota.ts";

/** What keeps all state: the contract that every store fulfils, and the conformance suite checks. */
export interface Store extends AsyncDisposable {
  /** What this store is and promises. Constant over its life. */
  readonly traits: StoreTraits;

  /**
   * One live record, in one consistent answer with the tails asked for.
   * Absent, ended, expired and foreign are the same: `record` is undefined.
   */
  read(owner: Owner, key: RecordKey, options?: ReadOptions): Promise<ReadAnswer>;

  /**
   * Applies one to sixteen changes of one owner, all or nothing. No two of them may name the same record.
   * A refusal wrote nothing. Throws `OUTCOME_UNKNOWN` only where the connection was lost after sending.
   */
  commit(owner: Owner, changes: readonly Change[], options?: CommitOptions): Promise<Committed>;

  /** A page of a stream. Undefined if the record is not live. */
  events(owner: Owner, key: RecordKey, stream: string, options: EventsOptions): Promise<EventsPage | undefined>;

  /** The live records of one kind of one owner, by creation, gapless under concurrent writes. */
  list(owner: Owner, kind: string, options: ListOptions): Promise<ListPage>;

  /** What one owner has now. Counts are exact. */
  usage(owner: Owner, options?: CallOptions): Promise<Usage>;

  /** Wakes listeners of a topic. Reaches other nodes where the store is shared; may be lost, coalesced or repeated. At most 199 bytes of UTF-8. */
  publish(topic: string, hint: string): void;

  /**
   * Calls `listener` on a hint of `topic`; with `undefined` where the store only knows that something changed.
   * Never called synchronously from `publish`. The returned function ends the subscription.
   */
  subscribe(topic: string, listener: HintListener): () => void;

  health(options?: CallOptions): Promise<StoreHealth>;

  /** What an operator's graphs show of this process's side of the store. Optional; cheap, and never throws. */
  figures?(): StoreFigures;

  /** Memory is short: drops what is only kept to be faster. Optional; changes no answer, and never throws. */
  shed?(): void;

  /** The privileged door: operators and sweeps only, never reachable from a tool. */
  readonly admin: StoreAdmin;

  /** Settles what is in flight, then releases everything. Later calls throw `CLOSED`. Idempotent. */
  close(): Promise<void>;
}

/** What every call takes that takes nothing else. */
export type CallOptions = {
  readonly signal?: AbortSignal | undefined;
};

/** Called with the text of a hint, or with `undefined` where the store only knows that something may have changed. */
export type HintListener = (hint: string | undefined) => void;

/** What to read along with a record, and how new it has to be. */
export type ReadOptions = {
  readonly tails?: readonly Tail[] | undefined;
  /** Answer from a state where the record is at least at this version. */
  readonly minVersion?: Version | undefined;
  /**
   * A replica may answer, subject to `minVersion`: what others wrote may be missing for a moment, what this opening of
   * the store wrote is not. Stores without replicas ignore it.
   */
  readonly replica?: boolean | undefined;
  /** Also look up the outcome of this commit id. */
  readonly commitId?: string | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** Events to bring along with a record: those after a position, or the newest few. Always oldest first. */
export type Tail = {
  readonly stream: string;
  /** `"document"` means after the position the document reflects. */
  readonly after: Position | "document" | { readonly last: number };
  /** 1 to 10,000. */
  readonly limit: number;
  /**
   * Stop once this many UTF-8 bytes of events are gathered, after at least one event: those first after a position, but
   * the newest ones of the last few. Default: only `limit` counts.
   */
  readonly maxBytes?: number | undefined;
};

/** One record and the tails of its streams, of one moment. */
export type ReadAnswer = {
  /** The store's clock when it answered. */
  readonly at: number;
  readonly record?: StoredRecord | undefined;
  /** One list per tail asked for, in that order; empty if there is no record. */
  readonly tails: readonly (readonly StoredEvent[])[];
  /** The first outcome of `commitId`, if it is still remembered. */
  readonly outcome?: CommitOutcome | undefined;
};

/** What a commit depends on, and under which id it counts once. */
export type CommitOptions = {
  readonly commitId?: CommitId | undefined;
  /** Refuse unless this record of the same owner is live and at this version. */
  readonly fence?: { readonly key: RecordKey; readonly token: Version } | undefined;
  /** Refuse to create, or to grow, beyond these. Deleting and replacing by less always work. */
  readonly quota?: Quota | undefined;
  /**
   * Takes the commit back as long as it was not sent: `ABORTED`, and nothing was written. Once it was sent, the call
   * settles with what came of it, or throws `OUTCOME_UNKNOWN` where the store does not wait for that.
   */
  readonly signal?: AbortSignal | undefined;
};

/**
 * What makes a commit count once: repeated under the same id and digest it is answered as the first time, with another
 * digest it is refused.
 */
export type CommitId = {
  /** 1 to 256 characters, unique within the owner. */
  readonly id: string;
  /** Covers the intent (operation and arguments), never the resulting document. */
  readonly digest: string;
  /** `caller`: remembered 24 hours. `internal`: at least the record's last 64, ten minutes. */
  readonly origin: CommitIdOrigin;
};

/** What a commit id remembers: never documents. */
export type CommitOutcome = {
  readonly digest: string;
  readonly at: number;
  readonly results: readonly ChangeResult[];
};

/** The answer to a commit: done, or refused with nothing written. */
export type Committed =
  | {
      readonly ok: true;
      /** The store's clock when it was decided. */
      readonly at: number;
      /** True if this is the remembered outcome of an earlier commit of the same id. */
      readonly replayed: boolean;
      /** One per change, in order. */
      readonly results: readonly ChangeResult[];
    }
  | { readonly ok: false; readonly at: number; readonly refusal: Refusal };

/** Which events of a stream to read. */
export type EventsOptions = {
  /** Only events after this position. Default 0. */
  readonly after?: Position | undefined;
  /** Only events before this position. */
  readonly before?: Position | undefined;
  /** 1 to 10,000. */
  readonly limit: number;
  /** Stop once this many UTF-8 bytes are gathered, after at least one event. */
  readonly maxBytes?: number | undefined;
  /** `newest` starts from the end; positions then descend. Default `oldest`. */
  readonly order?: "oldest" | "newest" | undefined;
  /** A replica may answer, as in `read`. */
  readonly replica?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** A page of a stream, and where its stream stands. */
export type EventsPage = StreamHead & {
  readonly incarnation: Version;
  readonly events: readonly StoredEvent[];
  /** Whether more events lie in the range beyond the last one returned. */
  readonly more: boolean;
};

/** One page of an owner's live records of a kind. */
export type ListOptions = {
  /** The `next` of a page before, of the same owner and kind. */
  readonly after?: string | undefined;
  /** 1 to 1,000. */
  readonly limit: number;
  readonly order: "oldest" | "newest";
  /**
   * Only records whose indexed fields have these values, all of them; 1 and 1.0 are one value, `null` is one, and an
   * absent field matches nothing. At most 16 fields. A page may then be short, or empty, while `next` leads on: stores
   * may look at a bounded number of records for each.
   */
  readonly where?: IndexedFields | undefined;
  /** A replica may answer, as in `read`. */
  readonly replica?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** A page of an owner's live records. */
export type ListPage = {
  readonly at: number;
  readonly records: readonly RecordSummary[];
  /** Opaque, telling nothing of what others have or do; absent on the last page. */
  readonly next?: string | undefined;
};

/** The privileged door of a store: across owners, and for what is over too. Never for tools. */
export interface StoreAdmin {
  /**
   * Every record of every owner, or of one, ended and expired ones included, each exactly once if it stood throughout.
   * Those of one owner come in the order they were created, so that what is imported in that order is listed in it;
   * those of all in no particular order.
   */
  scan(options: ScanOptions): Promise<ScanPage>;
  /** A record of any state, for operators. What ended without retention has no content; its version and fields stay until reaped. */
  inspect(owner: Owner, key: RecordKey, options?: CallOptions): Promise<StoredRecord | undefined>;
  /**
   * Removes what is past its end and retention, raises the floors, and says what went. What expired and is still retained
   * it closes: it gives it its expiry for an end, changes nothing else of it, and says so once, whoever sweeps; its
   * retention counts from its expiry all the same. What another call holds at that moment may be passed over; the next
   * sweep finds it. Commit ids past their time are forgotten too, a bounded number in one call. What is removed or closed
   * has to be told, so an abort ends a sweep early rather than the call.
   */
  reap(options: ReapOptions): Promise<ReapAnswer>;
  /**
   * Removes everything of one owner but its version floor. Returns how many records went. Without a limit all of it goes
   * at once. With one, a call may take so many records and leave the rest whole: floors rise with each, and what is kept
   * besides records goes with the last. Everything is gone once a call answers 0.
   */
  erase(owner: Owner, options?: EraseOptions): Promise<number>;
  /** Everything of one record, to be put into another store. What its owner has besides is in the account. */
  export(owner: Owner, key: RecordKey, options?: CallOptions): Promise<RecordDump | undefined>;
  /**
   * Puts a dump in, versions, positions and times kept. Throws `INVALID_ARGUMENT` for what no store exported, and
   * `CONFLICT` where the versions of an id would go back: where a higher version stands, or where none stands and the
   * dump's incarnation is not above the owner's floor, so that the id may have had higher ones before it was reaped.
   * An erased owner may have its dumps back: what was erased counts for that floor only once something was made since.
   */
  import(owner: Owner, dump: RecordDump, options?: CallOptions): Promise<void>;
  /** Every owner that anything is known of, be it only a floor, in no particular order, each exactly once if it was known throughout. */
  owners(options: OwnersOptions): Promise<OwnersPage>;
  /** What the store keeps of an owner besides its records, page by page. Undefined for an owner nothing is known of. */
  exportAccount(owner: Owner, options: AccountOptions): Promise<AccountPage | undefined>;
  /**
   * Puts a page of an account in. Floors rise to those of the dump and never fall; ids that are remembered already keep
   * their outcome, and those whose time is over stay out; so a repetition changes nothing. Put the owner's records in
   * first: once its floor stands, older ones are refused. Throws `INVALID_ARGUMENT` for what no store exported.
   */
  importAccount(owner: Owner, dump: AccountDump, options?: CallOptions): Promise<void>;
  stats(options?: CallOptions): Promise<StoreStats>;
}

/** How much one call of `erase` may remove. */
export type EraseOptions = CallOptions & {
  /** Most records removed in one call, where many take long: nobody is held up longer. A whole number from 1. Default: all. */
  readonly limit?: number | undefined;
};

/** How much one sweep of the reaper may do. */
export type ReapOptions = {
  /** Most records removed and closed in one call, together. A whole number from 1. */
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
};

/** One page of records of any state, for operators. */
export type ScanOptions = {
  readonly after?: string | undefined;
  readonly limit: number;
  readonly kind?: string | undefined;
  /** Only records of this owner. A cursor goes on only in a scan of the same. */
  readonly owner?: Owner | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** A page of records of any state. */
export type ScanPage = {
  readonly at: number;
  readonly records: readonly OwnedSummary[];
  readonly next?: string | undefined;
};

/** A record of anybody, for operators. */
export type OwnedSummary = RecordSummary & { readonly owner: Owner };

/** A record that a sweep found to be over. */
export type ReapedRecord = RecordKey & {
  readonly owner: Owner;
  readonly fields: IndexedFields;
  /** From its creation to its end, or to its expiry where nobody ended it, whenever that was noticed. Never below 0. */
  readonly livedMs: number;
};

/** What a sweep did. An expired record is in `closed` of one sweep, or in `removed` and not closed: told once. */
export type ReapAnswer = {
  readonly removed: readonly (ReapedRecord & {
    readonly cause: "expired" | "ended";
    /** Whether it expired and a sweep had closed it before: that sweep has told of its expiry. */
    readonly closed: boolean;
  })[];
  /** What expired and is retained for now, and was closed by this very sweep. */
  readonly closed: readonly ReapedRecord[];
  /** Whether another call would find more: records, or commit ids past their time. Each call that says so got further. */
  readonly more: boolean;
};

/** A record with all its retained events, as it is stored. */
export type RecordDump = {
  readonly record: StoredRecord;
  readonly events: Readonly<Record<string, readonly StoredEvent[]>>;
};

/** One page of the owners of a store. */
export type OwnersOptions = {
  /** The `next` of a page before. */
  readonly after?: string | undefined;
  /** 1 to 1,000. */
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
};

/** A page of the owners of a store. */
export type OwnersPage = {
  readonly owners: readonly Owner[];
  /** Opaque, and good after the store was opened anew, where its data outlives that. */
  readonly next?: string | undefined;
};

/** One page of what belongs to an owner beyond its records. */
export type AccountOptions = {
  /** The `next` of a page before, of the same owner. */
  readonly after?: string | undefined;
  /** Most commit ids in the page, 1 to 1,000. */
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
};

/** What belongs to an owner beyond its records. */
export type AccountDump = {
  /** New incarnations start above it; 0 where nothing was ever reaped. */
  readonly floor: Version;
  /** The part of the floor that imports of records are measured against. */
  readonly importFloor: Version;
  /** Outcomes of callers' commit ids whose time is not over, at most 1,000. Internal ids do not move. */
  readonly commits: readonly RememberedCommit[];
};

/** A page of what belongs to an owner beyond its records. */
export type AccountPage = AccountDump & {
  /** Where the rest of the commit ids goes on; the floors are the same on each page. */
  readonly next?: string | undefined;
};

/** A commit id that is remembered, and what came of its commit. */
export type RememberedCommit = CommitOutcome & { readonly id: string };

/** How much is in a store, over all owners. */
export type StoreStats = {
  /** Of any state, until they are reaped. */
  readonly records: number;
  /** Those that have a record; commit ids and floors alone make none. */
  readonly owners: number;
  readonly events: number;
  readonly bytes: number;
};
