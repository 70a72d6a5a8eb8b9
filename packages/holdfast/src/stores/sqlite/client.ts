/**
 * The database driver, described by its shape so that no driver's types leak: the `node:sqlite` API, from the runtime
 * where it bundles a SQLite we trust, else from a package with the same API.
 */
import { createRequire } from "node:module";

import { HoldfastError } from "../../record/errors.ts";
import { loadPackagedDriver } from "./packaged-driver.ts";

export type SqlValue = string | number | bigint | null | Uint8Array;
export type SqlRow = Readonly<Record<string, SqlValue>>;

export interface SqliteStatement {
  run(...values: readonly SqlValue[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint };
  get(...values: readonly SqlValue[]): SqlRow | undefined;
  all(...values: readonly SqlValue[]): readonly SqlRow[];
  iterate(...values: readonly SqlValue[]): IterableIterator<SqlRow>;
}

export interface SqliteDatabase {
  readonly isTransaction: boolean;
  prepare(sql: string): SqliteStatement;
  exec(sql: string): void;
  close(): void;
}

export interface SqliteDriver {
  /** Where it came from: `node:sqlite`, or the name of the package. */
  readonly name: string;
  open(path: string): SqliteDatabase;
}

export type DriverModule = {
  readonly DatabaseSync: new (path: string, options?: { readonly timeout?: number }) => SqliteDatabase;
};

/** SQLite before this version can corrupt a WAL file that several connections share. */
const oldestSafeVersion = "3.51.3";

/** Loads the driver this process will use. Throws `CONFIGURATION` naming the install command where there is none. */
export async function loadDriver(): Promise<SqliteDriver> {
  const bundled = process.versions["sqlite"];
  if (bundled !== undefined && isSafeVersion(bundled)) return driver("node:sqlite", loadBundled());
  return driver("@photostructure/sqlite", await loadPackagedDriver());
}

/** Throws `STORE_UNSAFE` unless the SQLite behind a connection is recent enough. Returns its version. */
export function requireSafeVersion(database: SqliteDatabase, driverName: string): string {
  const version = String(database.prepare("select sqlite_version() as version").get()?.["version"]);
  if (isSafeVersion(version)) return version;
  throw new HoldfastError(
    "STORE_UNSAFE",
    `${driverName} bundles SQLite ${version}, which can corrupt a shared WAL file; ${oldestSafeVersion} or newer is needed: ` +
      "update Node, or npm install @photostructure/sqlite@^1.2.1",
    { details: { driver: driverName, version, oldestSafeVersion } },
  );
}

export function isSafeVersion(version: string): boolean {
  const found = version.split(".").map(Number);
  for (const [index, needed] of oldestSafeVersion.split(".").map(Number).entries()) {
    const part = found[index] ?? 0;
    if (part !== needed) return part > needed;
  }
  return true;
}

function driver(name: string, module: DriverModule): SqliteDriver {
  // No busy timeout: it would sleep on the event loop's thread. Waiting for a lock is ours to do.
  return { name, open: (path) => new module.DatabaseSync(path, { timeout: 0 }) };
}

function loadBundled(): DriverModule {
  return withoutSqliteWarning(() => {
    // The module has the shape above since the runtime bundles a recent SQLite; types for it differ by Node version.
    return createRequire(import.meta.url)("node:sqlite") as DriverModule;
  });
}

/** The runtime calls its SQLite experimental at load; operators cannot act on that, so this one warning is dropped. */
function withoutSqliteWarning<T>(load: () => T): T {
  // oxlint-disable-next-line typescript/unbound-method -- called with its `this`, and put back where it was
  const emitWarning = process.emitWarning;
  process.emitWarning = (warning: string | Error, ...rest: readonly unknown[]): void => {
    if (rest[0] === "ExperimentalWarning" && String(warning).includes("SQLite")) return;
    // Forwarded untouched; the overloads of emitWarning cannot be spread in a typed way.
    Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}
