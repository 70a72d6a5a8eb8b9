/** The privileged door: for operators and sweeps. */
import { HoldfastError } from "../../record/errors.ts";
import type { Owner, RecordKey, StoredRecord } from "../../record/record.ts";
import type {
  OwnedSummary,
  ReapAnswer,
  RecordDump,
  ScanOptions,
  ScanPage,
  StoreAdmin,
  StoreStats,
} from "../../store/contract.ts";
import { throwIfAborted, validateKey, validateList } from "../../store/validate.ts";
import { entryFromRow } from "./codec.ts";
import type { Connection } from "./connection.ts";
import { cursorOf, rowOf } from "./cursor.ts";
import { type Entry, recordOf, summaryOf } from "./entry.ts";
import { eraseOwner } from "./erase.ts";
import type { Gate } from "./gate.ts";
import { importRecord } from "./import.ts";
import { accountOf, allEvents, documentOf, entryOf } from "./queries.ts";
import type { Readers } from "./readers.ts";
import { forgetCommits, reapRecords } from "./reap.ts";
import type { Writer } from "./writer.ts";

/** Rows looked at in one go; between two goes others have their turn. */
const scanRows = 500;
const reapRows = 100;

const scanned =
  "select r.id, r.kind, r.record, r.live, r.meta, null as tail, '' as document, o.owner as owner_text " +
  "from records r join owners o on o.id = r.owner where r.id > ? order by r.id limit ?";
const counts =
  "select coalesce(sum(stored), 0) as records, coalesce(sum(stored > 0), 0) as owners, " +
  "coalesce(sum(events), 0) as events, coalesce(sum(bytes), 0) as bytes from owners";

export type Doors = {
  readonly connection: Connection;
  readonly readers: Readers;
  readonly writer: Writer;
  readonly gate: Gate;
};

export class SqliteAdmin implements StoreAdmin {
  readonly #doors: Doors;

  constructor(doors: Doors) {
    this.#doors = doors;
  }

  scan(options: ScanOptions): Promise<ScanPage> {
    return this.#doors.gate.run(async () => {
      validateList(options.kind, options);
      const { kind, limit, signal } = options;
      const { connection, readers } = this.#doors;
      const records: OwnedSummary[] = [];
      let from = options.after === undefined ? 0 : rowOf(options.after);
      for (;;) {
        const rows = await readers.run(() => connection.statements.sql(scanned).all(from, scanRows), signal);
        for (const row of rows) {
          const wanted = kind === undefined || row["kind"] === kind;
          if (wanted && records.length === limit) return { at: connection.now(), records, next: cursorOf(from) };
          from = Number(row["id"]);
          if (!wanted) continue;
          const key = { kind: String(row["kind"]), id: String(row["record"]) };
          // The column holds what an owner once was, and nothing else is ever put there.
          records.push({ ...summaryOf(key, entryFromRow(row)), owner: String(row["owner_text"]) as Owner });
        }
        if (rows.length < scanRows) return { at: connection.now(), records };
      }
    });
  }

  inspect(owner: Owner, key: RecordKey): Promise<StoredRecord | undefined> {
    return this.#doors.gate.run(async () => {
      validateKey(key);
      return this.#doors.readers.run(() => this.#standing(owner, key)?.record);
    });
  }

  reap(options: { readonly limit: number; readonly signal?: AbortSignal | undefined }): Promise<ReapAnswer> {
    return this.#doors.gate.run(async () => {
      const { limit, signal } = options;
      throwIfAborted(signal);
      if (!Number.isSafeInteger(limit) || limit < 1) {
        throw new HoldfastError("INVALID_ARGUMENT", `limit is a whole number from 1, not ${limit}`);
      }
      const { connection, writer } = this.#doors;
      const removed: ReapAnswer["removed"][number][] = [];
      for (;;) {
        const room = Math.min(reapRows, limit - removed.length);
        const part = await writer.alone((transaction) => {
          const now = connection.now();
          forgetCommits(transaction.statements, now);
          return reapRecords(transaction, room, now);
        });
        removed.push(...part.removed);
        // What is removed has to be told, so an abort ends the sweep rather than the call.
        if (!part.more || removed.length >= limit || signal?.aborted === true) return { removed, more: part.more };
      }
    });
  }

  erase(owner: Owner): Promise<number> {
    return this.#doors.gate.run(async () => {
      return this.#doors.writer.alone((transaction) => eraseOwner(transaction, owner));
    });
  }

  export(owner: Owner, key: RecordKey): Promise<RecordDump | undefined> {
    return this.#doors.gate.run(async () => {
      validateKey(key);
      const { connection, readers } = this.#doors;
      return readers.run(() => {
        const standing = this.#standing(owner, key);
        if (standing === undefined) return undefined;
        const { record, entry } = standing;
        const streams = [...record.streams.keys()];
        // `fromEntries` defines properties, so that a stream named "__proto__" is one like any other.
        return { record, events: Object.fromEntries(streams.map((name) => [name, allEvents(connection, entry, name)])) };
      });
    });
  }

  import(owner: Owner, dump: RecordDump): Promise<void> {
    return this.#doors.gate.run(async () => {
      validateKey(dump.record);
      const { connection, writer } = this.#doors;
      return writer.alone((transaction) => importRecord(transaction, owner, dump, connection.now()));
    });
  }

  stats(): Promise<StoreStats> {
    return this.#doors.gate.run(async () => {
      const { connection, readers } = this.#doors;
      const row = await readers.run(() => connection.statements.sql(counts).get());
      return {
        records: Number(row?.["records"]),
        owners: Number(row?.["owners"]),
        events: Number(row?.["events"]),
        bytes: Number(row?.["bytes"]),
      };
    });
  }

  #standing(owner: string, key: RecordKey): { readonly record: StoredRecord; readonly entry: Entry } | undefined {
    const { connection } = this.#doors;
    const { row } = accountOf(connection, owner);
    const entry = row === 0 ? undefined : entryOf(connection, row, key);
    if (entry === undefined) return undefined;
    return { record: recordOf(key, entry, documentOf(connection, row, key, entry)), entry };
  }
}
