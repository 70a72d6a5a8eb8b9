import { throwIfAborted } from "../../record/abort.ts";
import { scanScope } from "../../record/cursor.ts";
import type { Owner, RecordKey, StoredRecord } from "../../record/record.ts";
import type {
  CallOptions,
  ReapAnswer,
  ReapOptions,
  RecordDump,
  ScanOptions,
  ScanPage,
  StoreAdmin,
  StoreStats,
} from "../../store/contract.ts";
import { validateCall, validateList, validateReap } from "../../store/validate.ts";
import { refuseSetback, validateDump } from "../../store/validate-dump.ts";
import type { Data } from "./data.ts";
import { Entry } from "./entry.ts";
import type { Operations } from "./operations.ts";

type Removed = ReapAnswer["removed"][number];

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

  erase(owner: Owner, { signal }: CallOptions = {}): Promise<number> {
    return this.#operations.run(
      signal,
      () => throwIfAborted(signal),
      () => {
        const partition = this.#data.find(owner);
        if (partition === undefined) return 0;
        const entries = [...partition.entries()];
        for (const entry of entries) this.#data.remove(partition, entry);
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

  stats({ signal }: CallOptions = {}): Promise<StoreStats> {
    return this.#operations.run(
      signal,
      () => throwIfAborted(signal),
      () => {
        let records = 0;
        let events = 0;
        for (const partition of this.#data.partitions()) {
          for (const entry of partition.entries()) {
            records += 1;
            events += entry.eventCount;
          }
        }
        return { records, owners: this.#data.owners, events, bytes: this.#data.bytes };
      },
    );
  }

  #reapNow(limit: number, now: number): ReapAnswer {
    const removed: Removed[] = [];
    for (const partition of this.#data.partitions()) {
      partition.commitIds.forgetOld(now);
      // One more than fits tells whether another call would find more.
      for (const entry of partition.purgeable(now, limit + 1 - removed.length)) {
        if (removed.length === limit) return { removed, more: true };
        const { kind, id, state } = entry;
        const cause = state.endedAt === undefined ? "expired" : "ended";
        removed.push({ owner: partition.owner, kind, id, cause, fields: state.fields });
        this.#data.remove(partition, entry);
      }
      this.#data.dropIfEmpty(partition);
    }
    return { removed, more: false };
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
