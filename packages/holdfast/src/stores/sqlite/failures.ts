/** Driver errors become `HoldfastError`s here and nowhere else. */
import { HoldfastError } from "../../record/errors.ts";

const busyCodes: ReadonlySet<number> = new Set([5, 6, 15]);
const corruptCodes: ReadonlySet<number> = new Set([11, 26]);
const ioError = 10;
const full = 13;
/** `SQLITE_PERM`, `SQLITE_READONLY`, `SQLITE_CANTOPEN`: what is missing is leave, or the folder. */
const noLeaveCodes: ReadonlySet<number> = new Set([3, 8, 14]);
/** `SQLITE_IOERR_SHMSIZE`: the shared-memory file could not grow, which is what a full disk looks like from there. */
const ioErrorShmSize = 4874;

/** Whether another connection's lock was in the way, so that the same thing may work a moment later. */
export function isBusy(thrown: unknown): boolean {
  const code = resultCode(thrown);
  return code !== undefined && busyCodes.has(code & 0xff);
}

export function isIoFailure(thrown: unknown): boolean {
  return ((resultCode(thrown) ?? 0) & 0xff) === ioError;
}

export function translate(thrown: unknown): unknown {
  const code = resultCode(thrown);
  if (code === undefined) return thrown;
  const init = { cause: thrown, details: { sqlite: code } };
  const primary = code & 0xff;
  if (primary === full || code === ioErrorShmSize) {
    return new HoldfastError("STORE_FULL", "the disk or the database file's limit is full; nothing was written", init);
  }
  if (corruptCodes.has(primary)) {
    return new HoldfastError("STORE_CORRUPT", "the database file is damaged or not a database; restore a backup", init);
  }
  if (busyCodes.has(primary)) return busyTooLong(thrown);
  if (noLeaveCodes.has(primary)) {
    const message = `this user cannot write to the database file and its folder (SQLite: ${messageOf(thrown)}); both have to be the user's who runs this, on a disk that is not read-only`;
    return new HoldfastError("UNAVAILABLE", message, init);
  }
  return new HoldfastError("UNAVAILABLE", `SQLite failed with code ${code}: ${messageOf(thrown)}`, init);
}

export function busyTooLong(cause: unknown): HoldfastError {
  return new HoldfastError(
    "UNAVAILABLE",
    "another process held the database's lock for too long; nothing was written",
    {
      cause,
      details: { sqlite: resultCode(cause) ?? 5 },
    },
  );
}

export function outcomeUnknown(cause: unknown): HoldfastError {
  return new HoldfastError(
    "OUTCOME_UNKNOWN",
    "the disk failed while a commit was being made durable; read before repeating",
    {
      cause,
      details: { sqlite: resultCode(cause) ?? ioError },
    },
  );
}

/**
 * SQLite's extended result code, where SQLite failed. The packaged driver leaves it out of what `all()` and `iterate()` throw,
 * which are the reads of many rows: there SQLite's own words for the primary code are all there is.
 */
function resultCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error)) return undefined;
  if ("errcode" in thrown && typeof thrown.errcode === "number") return thrown.errcode;
  if (!("code" in thrown) || thrown.code !== "ERR_SQLITE_ERROR") return undefined;
  return codesByWords.get(thrown.message) ?? genericError;
}

const genericError = 1;
/** What `sqlite3_errstr` has said for twenty years. */
const codesByWords: ReadonlyMap<string, number> = new Map([
  ["access permission denied", 3],
  ["database is locked", 5],
  ["database table is locked", 6],
  ["out of memory", 7],
  ["attempt to write a readonly database", 8],
  ["disk I/O error", ioError],
  ["database disk image is malformed", 11],
  ["database or disk is full", full],
  ["unable to open database file", 14],
  ["locking protocol", 15],
  ["file is not a database", 26],
]);

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
