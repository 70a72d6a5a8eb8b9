/** The privileged door: for operators and sweeps. */
import { throwIfAborted } from "../../record/abort.ts";
import { openCursor, ownerScanScope, scanScope, sealCursor } from "../../record/cursor.ts";
import type { IndexedFields, Owner, RecordKey, StoredEvent, StoredRecord } from "../../record/record.ts";
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
import type { Gate } from "../../store/gate.ts";
import { validateCall, validateErase, validateList, validatePage, validateReap } from "../../store/validate.ts";
import { validateAccount } from "../../store/validate-account.ts";
import { validateDump } from "../../store/validate-dump.ts";
import { exportAccount, importAccount } from "./account-dump.ts";
import type { Client } from "./client.ts";
import { importRecord } from "./import.ts";
import { type EventColumns, eventOf, type RecordColumns, recordOf, summaryOf } from "./rows.ts";
import { scanOwnerStatement, scanStatement } from "./scans.ts";
import { fieldsFromColumn, fromColumn } from "./text.ts";

const known = "select owner from holdfast.owners where owner > $1 order by owner limit $2";
const inspected = `select to_jsonb(r) as record, d.fields, d.document
  from holdfast.records r join holdfast.documents d on d.record = r.record
  where r.owner = $1 and r.kind = $2 and r.id = $3`;
const exported = `select to_jsonb(r) as record, d.fields, d.document, (
    select jsonb_agg(jsonb_build_array(e.stream, jsonb_build_array(e.position, e.at, e.data)) order by e.position)
    from holdfast.events e where e.record = r.record
  ) as events
  from holdfast.records r join holdfast.documents d on d.record = r.record
  where r.owner = $1 and r.kind = $2 and r.id = $3`;
const counted = `select count(*) as records, count(distinct owner) as owners,
  coalesce(sum(document_bytes + event_bytes), 0) as bytes, (select count(*) from holdfast.events) as events
  from holdfast.records`;

export type AdminDuties = {
  readonly client: Client;
  readonly cursorKey: Uint8Array;
  readonly gate: Gate;
  readonly aheadMs: () => number;
  /** Rejects with `ABORTED` as soon as the signal says so. */
  readonly until: <T>(signal: AbortSignal | undefined, work: () => Promise<T>) => Promise<T>;
};

export class PostgresAdmin implements StoreAdmin {
  readonly #duties: AdminDuties;

  constructor(duties: AdminDuties) {
    this.#duties = duties;
  }

  scan(options: ScanOptions): Promise<ScanPage> {
    return this.#run(options.signal, async (client, aheadMs) => {
      validateList(options.kind, options);
      const { after, limit, kind, owner } = options;
      const { cursorKey } = this.#duties;
      const scope = owner === undefined ? scanScope : ownerScanScope(owner);
      const from = after === undefined ? 0 : openCursor(cursorKey, scope, after);
      const rows =
        owner === undefined
          ? await client.read(scanStatement, [from, kind ?? null, limit + 1, aheadMs])
          : await client.read(scanOwnerStatement(kind), [
              from,
              limit + 1,
              owner,
              aheadMs,
              ...(kind === undefined ? [] : [kind]),
            ]);
      const found = rows.filter((row) => row["record"] !== null);
      const page = found.slice(0, limit).map((row) => {
        const columns = row["record"] as RecordColumns;
        // The column holds what an owner once was, and nothing else is ever put there.
        return { ...summaryOf(columns, row["fields"] as IndexedFields), owner: columns.owner as Owner };
      });
      const last = found[limit - 1]?.["record"] as RecordColumns | undefined;
      const at = Number(rows[0]?.["at"]);
      if (found.length <= limit || last === undefined) return { at, records: page };
      const place = owner === undefined ? last.record : last.place;
      return { at, records: page, next: sealCursor(cursorKey, scope, place) };
    });
  }

  inspect(owner: Owner, key: RecordKey, options: CallOptions = {}): Promise<StoredRecord | undefined> {
    return this.#run(options.signal, async (client) => {
      validateCall(key, options);
      const [row] = await client.read(inspected, [owner, key.kind, key.id]);
      return row && storedRecord(row);
    });
  }

  reap(options: ReapOptions): Promise<ReapAnswer> {
    // Once it is sent it is waited for: what was removed has to be told.
    return this.#run(undefined, async (client, aheadMs) => {
      validateReap(options);
      // The array of candidates is the database's memory; another sweep goes on where this one ends.
      const [row] = await client.write(
        "select holdfast.reap_4($1::bigint, $2::bigint) as answer",
        [Math.min(options.limit, 10_000), aheadMs],
        [],
      );
      // As the function puts it together; only texts in fields are written otherwise there.
      const answer = row?.["answer"] as ReapAnswer;
      const read = <Over extends ReapedRecord>(over: Over): Over => ({
        ...over,
        fields: fieldsFromColumn(over.fields),
      });
      return { removed: answer.removed.map(read), closed: answer.closed.map(read), more: answer.more };
    });
  }

  erase(owner: Owner, options: EraseOptions = {}): Promise<number> {
    return this.#run(undefined, async (client) => {
      validateErase(options);
      const values = [owner, options.limit ?? null];
      const [row] = await client.write("select holdfast.erase_3($1, $2::bigint) as count", values, [owner]);
      return Number(row?.["count"]);
    });
  }

  export(owner: Owner, key: RecordKey, options: CallOptions = {}): Promise<RecordDump | undefined> {
    return this.#run(options.signal, async (client) => {
      validateCall(key, options);
      const [row] = await client.read(exported, [owner, key.kind, key.id]);
      if (row === undefined) return undefined;
      const record = storedRecord(row);
      const events = new Map<string, StoredEvent[]>([...record.streams.keys()].map((stream) => [stream, []]));
      for (const [stream, columns] of (row["events"] ?? []) as readonly (readonly [string, EventColumns])[]) {
        events.get(fromColumn(stream))?.push(eventOf(columns));
      }
      // `fromEntries` defines properties, so that a stream named "__proto__" is one like any other.
      return { record, events: Object.fromEntries(events) };
    });
  }

  import(owner: Owner, dump: RecordDump, { signal }: CallOptions = {}): Promise<void> {
    return this.#run(undefined, async (client) => {
      throwIfAborted(signal);
      validateDump(dump);
      await importRecord(client, owner, dump);
    });
  }

  owners(options: OwnersOptions): Promise<OwnersPage> {
    return this.#run(options.signal, async (client) => {
      validatePage(options);
      const { after = "", limit } = options;
      const rows = await client.read(known, [after, limit + 1]);
      // The column holds what an owner once was, and nothing else is ever put there.
      const owners = rows.slice(0, limit).map((row) => String(row["owner"]) as Owner);
      return { owners, next: rows.length > limit ? owners.at(-1) : undefined };
    });
  }

  exportAccount(owner: Owner, options: AccountOptions): Promise<AccountPage | undefined> {
    return this.#run(options.signal, async (client, aheadMs) => {
      validatePage(options);
      return exportAccount(client, owner, options, aheadMs);
    });
  }

  importAccount(owner: Owner, dump: AccountDump, { signal }: CallOptions = {}): Promise<void> {
    return this.#run(undefined, async (client, aheadMs) => {
      throwIfAborted(signal);
      validateAccount(dump);
      await importAccount(client, owner, dump, aheadMs);
    });
  }

  stats({ signal }: CallOptions = {}): Promise<StoreStats> {
    return this.#run(signal, async (client) => {
      const [row = {}] = await client.read(counted, []);
      return {
        records: Number(row["records"]),
        owners: Number(row["owners"]),
        events: Number(row["events"]),
        bytes: Number(row["bytes"]),
      };
    });
  }

  #run<T>(signal: AbortSignal | undefined, work: (client: Client, aheadMs: number) => Promise<T>): Promise<T> {
    const { gate, client, aheadMs, until } = this.#duties;
    return gate.run(async () => {
      throwIfAborted(signal);
      return until(signal, () => work(client, aheadMs()));
    });
  }
}

function storedRecord(row: Readonly<Record<string, unknown>>): StoredRecord {
  return recordOf(row["record"] as RecordColumns, row["fields"] as IndexedFields, String(row["document"]));
}
