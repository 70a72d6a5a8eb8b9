/** The one connection a store has: its settings, its transactions, and the cache that is valid inside them. */
import { HoldfastError } from "../../record/errors.ts";
import { Cache } from "./cache.ts";
import { loadDriver, requireSafeVersion, type SqliteDatabase } from "./client.ts";
import { isBusy, isIoFailure, outcomeUnknown } from "./failures.ts";
import { fileIdentity, prepareFile } from "./file.ts";
import { checkVersion, migrate, newerSchema, schemaVersion } from "./migrations.ts";
import type { ResolvedSqliteOptions } from "./options.ts";
import { Statements } from "./statements.ts";
import { Transaction } from "./transaction.ts";
import { untilNotBusy } from "./waiting.ts";

/** Pages in the WAL after which a commit also copies them into the database: bounds both the file and the pause. */
const checkpointPages = 2_000;
/** What is left of the WAL file after a checkpoint that could empty it. */
const walBytesKept = 16 * 1024 * 1024;
const pageCacheKib = 8 * 1024;

export class Connection {
  readonly path: string;
  readonly driver: string;
  readonly sqliteVersion: string;
  readonly cache: Cache;
  readonly statements: Statements;
  /** Identifies the file that was opened. */
  readonly identity: string | undefined;
  readonly #database: SqliteDatabase;
  readonly #clock: () => number;
  #lastNow = Number.NEGATIVE_INFINITY;
  /** When another connection was last seen to have written, by the monotonic clock. */
  #othersWroteAt = Number.NEGATIVE_INFINITY;

  private constructor(database: SqliteDatabase, facts: Facts, options: ResolvedSqliteOptions) {
    this.#database = database;
    this.#clock = options.clock;
    this.path = facts.path;
    this.driver = facts.driver;
    this.sqliteVersion = facts.sqliteVersion;
    this.identity = fileIdentity(facts.path);
    this.cache = new Cache(options.cacheBytes);
    this.statements = new Statements(database);
  }

  static async open(options: ResolvedSqliteOptions): Promise<Connection> {
    const driver = await loadDriver();
    const path = prepareFile(options.path);
    const database = await untilNotBusy(() => driver.open(path), { timeoutMs: options.busyTimeoutMs });
    try {
      const prepare = (): string => {
        const version = requireSafeVersion(database, driver.name);
        configure(database, options);
        return version;
      };
      const sqliteVersion = await untilNotBusy(prepare, { timeoutMs: options.busyTimeoutMs });
      return new Connection(database, { path, driver: driver.name, sqliteVersion }, options);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** The store's clock. Never runs backwards: what has expired stays expired. */
  now(): number {
    this.#lastNow = Math.max(this.#lastNow, this.#clock());
    return this.#lastNow;
  }

  /** Whether another connection wrote within the last so many milliseconds, as far as this one noticed. */
  othersWroteWithin(ms: number): boolean {
    return performance.now() - this.#othersWroteAt <= ms;
  }

  /** Runs `work` over one consistent state. Synchronous. Throws what SQLite throws, `SQLITE_BUSY` included. */
  read<T>(work: () => T): T {
    this.statements.get("begin").run();
    try {
      this.#revalidate();
      return work();
    } finally {
      this.#end("commit");
    }
  }

  /**
   * Runs `work` in a write transaction and commits. Synchronous. Throws what SQLite or `work` throws after rolling
   * back; `SQLITE_BUSY` only before `work` was entered.
   */
  write<T>(work: (transaction: Transaction) => T): T {
    this.statements.get("beginImmediate").run();
    const transaction = new Transaction(this.statements, this.cache);
    let answer: T;
    try {
      this.#mustBeThere();
      this.#revalidate();
      answer = work(transaction);
      transaction.flush();
    } catch (error) {
      this.#abandon();
      throw error;
    }
    try {
      this.statements.get("commit").run();
    } catch (error) {
      this.#abandon();
      // Once COMMIT has begun, a failing disk may or may not have kept it.
      throw isIoFailure(error) ? outcomeUnknown(error) : error;
    }
    transaction.publish();
    return answer;
  }

  /** Differs from the last answer if other connections have committed meanwhile. */
  dataVersion(): number {
    return Number(this.statements.get("dataVersion").get()?.["data_version"]);
  }

  /** Folds the WAL into the database as far as nobody is in the way. */
  checkpoint(): void {
    try {
      this.#database.exec("pragma wal_checkpoint(truncate)");
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
  }

  /** Drops what can be read again. Between transactions, as nothing else ever runs inside of one. */
  shed(): void {
    this.cache.clear();
    this.#database.exec("pragma shrink_memory");
  }

  close(): void {
    this.statements.release();
    this.cache.clear();
    this.#database.close();
  }

  /** What is written to a file that is gone from its place is lost with this process, however well it was flushed. */
  #mustBeThere(): void {
    if (fileIdentity(this.path) === this.identity) return;
    throw new HoldfastError(
      "UNAVAILABLE",
      `the database file ${this.path} was removed or replaced while it was open: nothing is written any more; restart`,
    );
  }

  #revalidate(): void {
    const found = this.cache.revalidate(this.dataVersion());
    if (found === "same") return;
    if (found === "changed") this.#othersWroteAt = performance.now();
    // Another process may be of a newer release and have changed the schema meanwhile.
    const version = Number(this.statements.get("userVersion").get()?.["user_version"]);
    if (version <= schemaVersion) return;
    // Cleared, so that it is looked at again the next time.
    this.cache.clear();
    throw newerSchema(version);
  }

  #abandon(): void {
    this.cache.clear();
    // SQLite rolls back by itself when the disk is full.
    if (this.#database.isTransaction) this.#end("rollback");
  }

  #end(how: "commit" | "rollback"): void {
    if (this.#database.isTransaction) this.statements.get(how).run();
  }
}

type Facts = { readonly path: string; readonly driver: string; readonly sqliteVersion: string };

function configure(database: SqliteDatabase, options: ResolvedSqliteOptions): void {
  // First, since another program's file and a newer release's are to be left as they are.
  checkVersion(database);
  // Freed pages are used again. Handing them back page by page would dirty one more page with every allocation.
  database.exec("pragma page_size = 4096; pragma auto_vacuum = none");
  const mode = database.prepare("pragma journal_mode = wal").get()?.["journal_mode"];
  if (mode !== "wal") {
    throw new HoldfastError(
      "STORE_UNSAFE",
      `this file system gives SQLite journal mode "${String(mode)}", not "wal"; use a local disk`,
    );
  }
  database.exec(`
    pragma synchronous = ${options.synchronous};
    pragma wal_autocheckpoint = ${checkpointPages};
    pragma journal_size_limit = ${walBytesKept};
    pragma cache_size = -${pageCacheKib};
    pragma temp_store = memory;
    pragma trusted_schema = off;
  `);
  migrate(database);
}
