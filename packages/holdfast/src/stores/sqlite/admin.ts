/** The privileged door: for operators and sweeps. */
import { throwIfAborted } from "../../record/abort.ts";
import { openCursor, ownerScanScope, scanScope, sealCursor } from "../../record/cursor.ts";
import type { Owner, RecordKey, StoredRecord } from "../../record/record.ts";
import type {
  AccountDump,
  AccountOptions,
  AccountPage,
  CallOptions,
  EraseOptions,
  OwnedSummary,
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
import type { Gate } from "../../store/gate.ts";
import { validateCall, validateErase, validateList, validatePage, validateReap } from "../../store/validate.ts";
import { validateAccount } from "../../store/validate-account.ts";
import { validateDump } from "../../store/validate-dump.ts";
import { exportAccount, importAccount } from "./account-dump.ts";
import { entryFromRow } from "./codec.ts";
import type { Connection } from "./connection.ts";
import { cursorKeyOf } from "./cursor.ts";
import { type Entry, recordOf, summaryOf } from "./entry.ts";
import { eraseOwner, erasePart } from "./erase.ts";
import { importRecord } from "./import.ts";
import { accountOf, allEvents, documentOf, entryOf } from "./queries.ts";
import type { Readers } from "./readers.ts";
import { forgetCommits, reapRecords } from "./reap.ts";
import type { Transaction } from "./transaction.ts";
import type { Writer } from "./writer.ts";

/** Rows looked at in one go; between two goes others have their turn. */
const scanRows = 500;
const reapRows = 100;
/** Goes of one reap beyond those its limit asks for, so that commit ids are forgotten faster than records end. */
const extraReaps = 9;

const scanned =
  "select r.id, r.kind, r.record, r.live, r.meta, null as tail, '' as document, o.owner as owner_text " +
  "from records r join owners o on o.id = r.owner ";
const scannedAll = `${scanned}where r.id > ? order by r.id limit ?`;
/** Rows are numbered as records are created; the plus keeps the planner from walking through those of all owners. */
const scannedOwner = `${scanned}where r.owner = ? and +r.id > ? order by +r.id limit ?`;
const known = "select id, owner from owners where id > ? order by id limit ?";
const ownersScope = "owners";
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
      const { kind, limit, owner, signal } = options;
      const { connection, readers } = this.#doors;
      const { statements } = connection;
      const records: OwnedSummary[] = [];
      const key = await readers.run(() => cursorKeyOf(connection), signal);
      const scope = owner === undefined ? scanScope : ownerScanScope(owner);
      let from = options.after === undefined ? 0 : openCursor(key, scope, options.after);
      for (;;) {
        const rows = await readers.run(() => {
          if (owner === undefined) return statements.sql(scannedAll).all(from, scanRows);
          return statements.sql(scannedOwner).all(accountOf(connection, owner).row, from, scanRows);
        }, signal);
        for (const row of rows) {
          const wanted = kind === undefined || row["kind"] === kind;
          if (wanted && records.length === limit) {
            return { at: connection.now(), records, next: sealCursor(key, scope, from) };
          }
          from = Number(row["id"]);
          if (!wanted) continue;
          const address = { kind: String(row["kind"]), id: String(row["record"]) };
          // The column holds what an owner once was, and nothing else is ever put there.
          records.push({ ...summaryOf(address, entryFromRow(row)), owner: String(row["owner_text"]) as Owner });
        }
        if (rows.length < scanRows) return { at: connection.now(), records };
      }
    });
  }

  inspect(owner: Owner, key: RecordKey, options: CallOptions = {}): Promise<StoredRecord | undefined> {
    return this.#doors.gate.run(async () => {
      validateCall(key, options);
      return this.#doors.readers.run(() => this.#standing(owner, key)?.record, options.signal);
    });
  }

  reap(options: ReapOptions): Promise<ReapAnswer> {
    return this.#doors.gate.run(async () => {
      validateReap(options);
      const { limit, signal } = options;
      const { connection, writer } = this.#doors;
      const removed: ReapAnswer["removed"][number][] = [];
      const closed: ReapedRecord[] = [];
      const goes = Math.ceil(limit / reapRows) + extraReaps;
      for (let go = 1; ; go += 1) {
        const room = Math.min(reapRows, limit - removed.length - closed.length);
        const part = await writer.alone((transaction) => {
          const now = connection.now();
          const idsLeft = forgetCommits(transaction, now);
          const records = reapRecords(transaction, room, now);
          return { ...records, more: records.more || idsLeft };
        });
        removed.push(...part.removed);
        closed.push(...part.closed);
        // What is removed has to be told, so an abort ends the sweep rather than the call.
        const enough = removed.length + closed.length >= limit || go >= goes || signal?.aborted === true;
        if (!part.more || enough) return { removed, closed, more: part.more };
      }
    });
  }

  erase(owner: Owner, options: EraseOptions = {}): Promise<number> {
    return this.#doors.gate.run(async () => {
      validateErase(options);
      const { limit, signal } = options;
      const part = (transaction: Transaction): number =>
        limit === undefined ? eraseOwner(transaction, owner) : erasePart(transaction, owner, limit);
      return this.#doors.writer.alone(part, signal);
    });
  }

  export(owner: Owner, key: RecordKey, options: CallOptions = {}): Promise<RecordDump | undefined> {
    return this.#doors.gate.run(async () => {
      validateCall(key, options);
      const { connection, readers } = this.#doors;
      return readers.run(() => {
        const standing = this.#standing(owner, key);
        if (standing === undefined) return undefined;
        const { record, entry } = standing;
        const streams = [...record.streams.keys()];
        // `fromEntries` defines properties, so that a stream named "__proto__" is one like any other.
        return {
          record,
          events: Object.fromEntries(streams.map((name) => [name, allEvents(connection, entry, name)])),
        };
      }, options.signal);
    });
  }

  import(owner: Owner, dump: RecordDump, { signal }: CallOptions = {}): Promise<void> {
    return this.#doors.gate.run(async () => {
      throwIfAborted(signal);
      validateDump(dump);
      const { connection, writer } = this.#doors;
      return writer.alone((transaction) => importRecord(transaction, owner, dump, connection.now()), signal);
    });
  }

  owners(options: OwnersOptions): Promise<OwnersPage> {
    return this.#doors.gate.run(async () => {
      validatePage(options);
      const { after, limit, signal } = options;
      const { connection, readers } = this.#doors;
      return readers.run(() => {
        const key = cursorKeyOf(connection);
        const from = after === undefined ? 0 : openCursor(key, ownersScope, after);
        const rows = connection.statements.sql(known).all(from, limit + 1);
        // The column holds what an owner once was, and nothing else is ever put there.
        const owners = rows.slice(0, limit).map(({ owner }) => String(owner) as Owner);
        const last = rows.length > limit ? rows[limit - 1]?.["id"] : undefined;
        return { owners, next: last === undefined ? undefined : sealCursor(key, ownersScope, Number(last)) };
      }, signal);
    });
  }

  exportAccount(owner: Owner, options: AccountOptions): Promise<AccountPage | undefined> {
    return this.#doors.gate.run(async () => {
      validatePage(options);
      const { connection, readers } = this.#doors;
      return readers.run(() => exportAccount(connection, owner, options), options.signal);
    });
  }

  importAccount(owner: Owner, dump: AccountDump, { signal }: CallOptions = {}): Promise<void> {
    return this.#doors.gate.run(async () => {
      throwIfAborted(signal);
      validateAccount(dump);
      const { connection, writer } = this.#doors;
      return writer.alone((transaction) => importAccount(transaction, owner, dump, connection.now()), signal);
    });
  }

  stats({ signal }: CallOptions = {}): Promise<StoreStats> {
    return this.#doors.gate.run(async () => {
      throwIfAborted(signal);
      const { connection, readers } = this.#doors;
      const row = await readers.run(() => connection.statements.sql(counts).get(), signal);
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
