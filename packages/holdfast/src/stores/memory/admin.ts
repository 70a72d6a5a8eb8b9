import { throwIfAborted } from "../../record/abort.ts";
import { ownerScanScope, scanScope } from "../../record/cursor.ts";
import { causeOf, isClosed, livedMs, purgeAt } from "../../record/expiry.ts";
import type { Owner, RecordKey, StoredRecord } from "../../record/record.ts";
import type {
  AccountDump,
  AccountOptions,
  AccountPage,
  CallOptions,
  EraseOptions,
  OwnersOptions,
  OwnersPage,
  ReapAnswer,
  ReapedRecord,
  ReapOptions,
  RecordDump,
  ScanOptions,
  ScanPage,
  StoreAdmin,
  StoreStats,
} from "../../store/contract.ts";
import { validateCall, validateErase, validateList, validatePage, validateReap } from "../../store/validate.ts";
import { validateAccount } from "../../store/validate-account.ts";
import { refuseSetback, validateDump } from "../../store/validate-dump.ts";
import type { Data } from "./data.ts";
import { Entry } from "./entry.ts";
import type { Operations } from "./operations.ts";

/** The privileged door of the memory store. */
export class MemoryAdmin implements StoreAdmin {
  readonly #operations: Operations;
  readonly #data: Data;

  constructor(operations: Operations, data: Data) {
    this.#operations = operations;
    this.#data = data;
  }

  scan(options: ScanOptions): Promise<ScanPage> {
    return this.#operations.run(
      options.signal,
      () => validateList(options.kind, options),
      (at) => {
        if (options.owner !== undefined) return this.#scanOwner(options.owner, options, at);
        const { kind, limit } = options;
        const page = this.#data.scanOrder.slice(
          this.#data.placeOf(scanScope, options.after),
          limit,
          "oldest",
          ({ entry }) => kind === undefined || entry.kind === kind,
        );
        const records = page.values.map(({ partition, entry }) => ({ ...entry.summary(), owner: partition.owner }));
        return { at, records, ...this.#data.cursorOf(scanScope, page.next) };
      },
    );
  }

  inspect(owner: Owner, key: RecordKey, options: CallOptions = {}): Promise<StoredRecord | undefined> {
    return this.#operations.run(
      options.signal,
      () => validateCall(key, options),
      () => this.#data.find(owner)?.get(key)?.record(),
    );
  }

  reap(options: ReapOptions): Promise<ReapAnswer> {
    return this.#operations.run(
      options.signal,
      () => validateReap(options),
      (now) => this.#reapNow(options.limit, now),
    );
  }

  erase(owner: Owner, options: EraseOptions = {}): Promise<number> {
    return this.#operations.run(
      options.signal,
      () => validateErase(options),
      () => {
        const partition = this.#data.find(owner);
        if (partition === undefined) return 0;
        const { importFloor } = partition;
        const entries = [...partition.entries()].slice(0, options.limit);
        for (const entry of entries) this.#data.remove(partition, entry);
        if (entries.length === options.limit) {
          // Who was erased may be restored: its dumps are measured against what was reaped, and not against what went here.
          partition.importFloor = importFloor;
          return entries.length;
        }
        partition.commitIds.forgetAll();
        partition.importFloor = 0;
        this.#data.dropIfEmpty(partition);
        return entries.length;
      },
    );
  }

  export(owner: Owner, key: RecordKey, options: CallOptions = {}): Promise<RecordDump | undefined> {
    return this.#operations.run(
      options.signal,
      () => validateCall(key, options),
      () => {
        const entry = this.#data.find(owner)?.get(key);
        return entry && { record: entry.record(), events: entry.events() };
      },
    );
  }

  import(owner: Owner, dump: RecordDump, { signal }: CallOptions = {}): Promise<void> {
    return this.#operations.run(
      signal,
      () => {
        throwIfAborted(signal);
        validateDump(dump);
      },
      (now) => this.#importNow(owner, dump, now),
    );
  }

  owners(options: OwnersOptions): Promise<OwnersPage> {
    return this.#operations.run(
      options.signal,
      () => validatePage(options),
      () => {
        const { after = "", limit } = options;
        const rest = this.#data.knownOwners().filter((owner) => owner > after);
        const owners = rest.slice(0, limit);
        return { owners, next: rest.length > limit ? owners.at(-1) : undefined };
      },
    );
  }

  exportAccount(owner: Owner, options: AccountOptions): Promise<AccountPage | undefined> {
    return this.#operations.run(
      options.signal,
      () => validatePage(options),
      (now) => {
        const floors = this.#data.floorsOf(owner);
        if (floors === undefined) return undefined;
        const { after = "", limit } = options;
        const rest = this.#data.find(owner)?.commitIds.ofCallersAfter(after, now) ?? [];
        const commits = rest.slice(0, limit);
        const next = rest.length > limit ? commits.at(-1)?.id : undefined;
        return { floor: floors.floor, importFloor: floors.importFloor, commits, next };
      },
    );
  }

  importAccount(owner: Owner, dump: AccountDump, { signal }: CallOptions = {}): Promise<void> {
    return this.#operations.run(
      signal,
      () => {
        throwIfAborted(signal);
        validateAccount(dump);
      },
      (now) => {
        const partition = this.#data.open(owner);
        const commits = partition.commitIds.newTo(dump.commits, now);
        this.#data.reserve(0, commits.length, now);
        this.#data.keep(partition);
        partition.floor = Math.max(partition.floor, dump.floor);
        partition.importFloor = Math.max(partition.importFloor, dump.importFloor);
        partition.commitIds.take(commits);
        this.#data.remembered(commits.length);
        this.#data.dropIfEmpty(partition);
      },
    );
  }

  stats({ signal }: CallOptions = {}): Promise<StoreStats> {
    return this.#operations.run(
      signal,
      () => throwIfAborted(signal),
      () => {
        let records = 0;
        let events = 0;
        let owners = 0;
        for (const partition of this.#data.partitions()) {
          const before = records;
          for (const entry of partition.entries()) {
            records += 1;
            events += entry.eventCount;
          }
          if (records > before) owners += 1;
        }
        return { records, owners, events, bytes: this.#data.bytes };
      },
    );
  }

  #scanOwner(owner: Owner, { kind, limit, after }: ScanOptions, at: number): ScanPage {
    const scope = ownerScanScope(owner);
    const from = this.#data.placeOf(scope, after) ?? 0;
    const place = ({ listed }: Entry): number => listed?.sequence ?? 0;
    const rest = [...(this.#data.find(owner)?.entries() ?? [])]
      .filter((entry) => place(entry) > from && (kind === undefined || entry.kind === kind))
      .sort((one, other) => place(one) - place(other));
    const page = rest.slice(0, limit);
    const last = rest.length > limit ? page.at(-1) : undefined;
    const records = page.map((entry) => ({ ...entry.summary(), owner }));
    return { at, records, ...this.#data.cursorOf(scope, last && place(last)) };
  }

  #reapNow(limit: number, now: number): ReapAnswer {
    const removed: ReapAnswer["removed"][number][] = [];
    const closed: ReapedRecord[] = [];
    for (const partition of this.#data.partitions()) {
      partition.commitIds.forgetOld(now);
      // One more than fits tells whether another call would find more.
      for (const entry of partition.due(now, limit + 1 - removed.length - closed.length)) {
        if (removed.length + closed.length === limit) return { removed, closed, more: true };
        const { kind, id, state } = entry;
        const over: ReapedRecord = { owner: partition.owner, kind, id, fields: state.fields, livedMs: livedMs(state) };
        if ((purgeAt(state) ?? 0) > now) {
          closed.push(over);
          partition.close(entry);
        } else {
          removed.push({ ...over, cause: causeOf(state), closed: isClosed(state) });
          this.#data.remove(partition, entry);
        }
      }
      this.#data.dropIfEmpty(partition);
    }
    return { removed, closed, more: false };
  }

  #importNow(owner: Owner, { record, events }: RecordDump, now: number): void {
    const partition = this.#data.open(owner);
    const standing = partition.get(record);
    refuseSetback(record, standing?.state.version, partition.importFloor);
    const incoming = new Entry(record.kind, record.id, record);
    incoming.replace(record, events);
    this.#data.reserve(incoming.bytes - (standing?.bytes ?? 0), 0, now);
    this.#data.keep(partition);
    const entry = standing ?? incoming;
    const created = standing?.state.incarnation !== record.incarnation;
    this.#data.change(partition, entry, created, now, () => entry.replace(record, events));
  }
}
