import { isHoldfastError } from "../../record/errors.ts";
import type { StoreHealth } from "../../store/traits.ts";
import type { Connection } from "./connection.ts";
import { fileBytes, fileIdentity, networkFileSystem } from "./file.ts";
import type { ResolvedSqliteOptions } from "./options.ts";

/** A WAL file beyond this means that somebody keeps a read transaction open, so that it can never start anew. */
const longWalBytes = 256 * 1024 * 1024;

const durability = {
  full: "An acknowledged commit survives a crash of the process and, if the disk keeps what it is told to, loss of power.",
  normal:
    "An acknowledged commit survives a crash of the process; loss of power may take back the newest ones, and never corrupts (synchronous: normal).",
} as const;

/** Looks at the file through `look`, which runs inside a read transaction. */
export async function healthOf(
  connection: Connection,
  { synchronous }: ResolvedSqliteOptions,
  queued: number,
  look: <T>(work: () => T) => Promise<T>,
): Promise<StoreHealth> {
  const { path } = connection;
  const warnings: string[] = [];
  const network = networkFileSystem(path);
  if (network !== undefined) {
    warnings.push(
      `The file lies on ${network}; SQLite's locks cannot be trusted on a network file system. Use a local disk.`,
    );
  }
  const walBytes = fileBytes(`${path}-wal`);
  if (walBytes > longWalBytes) {
    warnings.push(`The WAL file has ${walBytes} bytes: some program keeps a read transaction on the database open.`);
  }
  let ok = true;
  if (fileIdentity(path) !== connection.identity) {
    ok = false;
    warnings.push("The database file was removed or replaced while it was open; nothing is written any more. Restart.");
  }
  let schema = 0;
  const failure = await look(() => connection.statements.get("userVersion").get()).then(
    (row) => {
      schema = Number(row?.["user_version"]);
    },
    (error: unknown) => error,
  );
  if (isHoldfastError(failure, "ABORTED") || isHoldfastError(failure, "CLOSED")) throw failure;
  if (failure !== undefined) {
    ok = false;
    warnings.push(failure instanceof Error ? failure.message : "The database cannot be read.");
  }
  return {
    ok,
    durability: durability[synchronous],
    warnings,
    details: {
      driver: connection.driver,
      sqlite: connection.sqliteVersion,
      schema,
      synchronous,
      databaseBytes: fileBytes(path),
      walBytes,
      cacheBytes: connection.cache.bytes,
      queuedCommits: queued,
    },
  };
}
