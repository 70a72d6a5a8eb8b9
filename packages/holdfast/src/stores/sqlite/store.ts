/**
 * Records in one SQLite file that any number of processes on one machine may share. What is written is decided in
 * JavaScript under the file's write lock; see `writer.ts` for batching and `readers.ts` for reads.
 */
import { throwIfAborted } from "../../record/abort.ts";
import type { Change } from "../../record/change.ts";
import type { Owner, RecordKey } from "../../record/record.ts";
import type {
  CallOptions,
  CommitOptions,
  Committed,
  EventsOptions,
  EventsPage,
  HintListener,
  ListOptions,
  ListPage,
  ReadAnswer,
  ReadOptions,
  Store,
  StoreAdmin,
  Usage,
} from "../../store/contract.ts";
import { Gate } from "../../store/gate.ts";
import type { StoreFigures, StoreHealth, StoreTraits } from "../../store/traits.ts";
import { validateCommit, validateEvents, validateHint, validateList, validateRead } from "../../store/validate.ts";
import { SqliteAdmin } from "./admin.ts";
import { commitIn } from "./commit.ts";
import { Connection } from "./connection.ts";
import { healthOf } from "./health.ts";
import { Hints } from "./hints.ts";
import { type ResolvedSqliteOptions, resolveOptions, type SqliteOptions } from "./options.ts";
import { listRecords, readEvents, readRecord, readUsage } from "./queries.ts";
import { Readers } from "./readers.ts";
import type { Transaction } from "./transaction.ts";
import { Writer } from "./writer.ts";

/**
 * Opens the store in a file, making the file and its schema where they are missing.
 *
 * Guarantees: an acknowledged commit survives the process and, with `synchronous: "full"`, loss of power. Several
 * stores, in one process or in many on one machine, may have the same file open.
 *
 * Throws `CONFIGURATION` (options, no driver, not a file of holdfast), `SCHEMA_MISMATCH` (written by a newer release),
 * `STORE_UNSAFE` (a SQLite that is too old, a file system without WAL), `STORE_CORRUPT`, or `UNAVAILABLE`.
 *
 * @example
 * await using store = await sqliteStore({ path: "./state.db" });
 */
export async function sqliteStore(options: SqliteOptions): Promise<Store> {
  const resolved = resolveOptions(options);
  return new SqliteStore(await Connection.open(resolved), resolved);
}

class SqliteStore implements Store {
  readonly traits: StoreTraits;
  readonly admin: StoreAdmin;
  readonly #connection: Connection;
  readonly #options: ResolvedSqliteOptions;
  readonly #readers: Readers;
  readonly #writer: Writer;
  readonly #hints: Hints;
  readonly #gate = new Gate();
  #closing: Promise<void> | undefined;

  constructor(connection: Connection, options: ResolvedSqliteOptions) {
    const durability = options.synchronous === "full" ? "host" : "process";
    // No reply is lost inside one process: a commit either threw or stands. The exception, a disk that fails while
    // COMMIT is under way, is thrown as OUTCOME_UNKNOWN all the same; ids on every commit would be a high price for it.
    this.traits = { name: "sqlite", durability, outcomeCanBeUnknown: false, shared: true };
    this.#connection = connection;
    this.#options = options;
    this.#readers = new Readers(connection, options.busyTimeoutMs);
    this.#writer = new Writer(connection, options);
    this.#hints = new Hints({
      path: connection.path,
      pollMs: options.pollMs,
      dataVersion: () => connection.dataVersion(),
    });
    this.admin = new SqliteAdmin({ connection, readers: this.#readers, writer: this.#writer, gate: this.#gate });
  }

  // The two hottest calls have one promise each, made where it is settled; closing waits for those who settle them.
  read(owner: Owner, key: RecordKey, options: ReadOptions = {}): Promise<ReadAnswer> {
    try {
      this.#gate.assertOpen();
      validateRead(key, options);
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#readers.run(() => readRecord(this.#connection, owner, key, options), options.signal);
  }

  commit(owner: Owner, changes: readonly Change[], options: CommitOptions = {}): Promise<Committed> {
    try {
      this.#gate.assertOpen();
      validateCommit(changes, options);
    } catch (error) {
      return Promise.reject(error);
    }
    const work = (transaction: Transaction): Committed =>
      commitIn(transaction, owner, changes, options, this.#connection.now());
    return this.#writer.share(work, options.signal);
  }

  events(owner: Owner, key: RecordKey, stream: string, options: EventsOptions): Promise<EventsPage | undefined> {
    return this.#gate.run(async () => {
      validateEvents(key, stream, options);
      return this.#readers.run(() => readEvents(this.#connection, owner, key, stream, options), options.signal);
    });
  }

  list(owner: Owner, kind: string, options: ListOptions): Promise<ListPage> {
    return this.#gate.run(async () => {
      validateList(kind, options);
      return this.#readers.run(() => listRecords(this.#connection, owner, kind, options), options.signal);
    });
  }

  usage(owner: Owner, { signal }: CallOptions = {}): Promise<Usage> {
    return this.#gate.run(async () => {
      throwIfAborted(signal);
      return this.#readers.run(() => readUsage(this.#connection, owner), signal);
    });
  }

  publish(topic: string, hint: string): void {
    this.#gate.assertOpen();
    validateHint(hint);
    this.#hints.publish(topic, hint);
  }

  subscribe(topic: string, listener: HintListener): () => void {
    this.#gate.assertOpen();
    return this.#hints.subscribe(topic, listener);
  }

  figures(): StoreFigures {
    return { queued: this.#writer.queued, batches: this.#writer.batches };
  }

  shed(): void {
    this.#connection.shed();
  }

  health(options: CallOptions = {}): Promise<StoreHealth> {
    return this.#gate.run(async () => {
      throwIfAborted(options.signal);
      const look = <T>(work: () => T): Promise<T> => this.#readers.run(work, options.signal);
      return healthOf(this.#connection, this.#options, this.#writer.queued, look);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await this.#gate.close();
    await Promise.all([this.#writer.idle(), this.#readers.idle()]);
    await this.#hints.close();
    try {
      this.#connection.checkpoint();
    } finally {
      this.#connection.close();
    }
  }
}
