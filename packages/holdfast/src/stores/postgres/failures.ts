/** Driver errors become `HoldfastError`s here and nowhere else. */
import { HoldfastError } from "../../record/errors.ts";

/** What PostgreSQL answers when it takes a statement back because of others: the same thing may work at once. */
const retryable: ReadonlySet<string> = new Set(["40001", "40P01", "23505"]);
const missing: ReadonlySet<string> = new Set(["3F000", "42P01", "42883"]);
const corrupt: ReadonlySet<string> = new Set(["XX001", "XX002"]);
const full: ReadonlySet<string> = new Set(["53100"]);
/** What the URL or the role has to be corrected for, by state or its class. */
const refusals: ReadonlyMap<string, string> = new Map([
  ["28", "PostgreSQL does not let this user in: correct user and password in the URL, or its pg_hba.conf"],
  ["3D000", "PostgreSQL has no database of that name: make it with createdb, or correct the URL"],
  [
    "42501",
    "PostgreSQL does not allow this user what is needed: make it the owner of the database or of the schema holdfast",
  ],
]);
/** The server went down or threw the session out: what it did last may or may not stand. */
const statementOnly: ReadonlySet<string> = new Set(["22", "23", "40", "42", "55", "P0"]);
const sessionOver: ReadonlySet<string> = new Set(["57P01", "57P02", "57P05", "25P03", "25P04"]);

/** Whether repeating the transaction may help, nothing of it having been written. */
export function isTransient(thrown: unknown): boolean {
  return retryable.has(stateOf(thrown) ?? "") && !isKnownCommit(thrown);
}

/** Whether a commit id of the batch was there already: it stays there, and whoever sends its commit alone finds it. */
function isKnownCommit(thrown: unknown): boolean {
  return thrown instanceof Error && "constraint" in thrown && thrown.constraint === "commits_pkey";
}

/** Whether the server itself said that the statement failed and its transaction was rolled back. */
export function isRolledBack(thrown: unknown): boolean {
  const state = stateOf(thrown);
  if (state === undefined || sessionOver.has(state)) return false;
  const severity = severityOf(thrown);
  if (severity === "FATAL" || severity === "PANIC") return false;
  // A server may speak another language; then only errors that never end a session are sure.
  return severity === "ERROR" || statementOnly.has(state.slice(0, 2));
}

/** Whether the connection leads to a server that takes no writes any more: another one may lead to the new primary. */
export function isReadOnly(thrown: unknown): boolean {
  return stateOf(thrown) === "25006";
}

/** Whether the statement gave up waiting for what others hold. */
export function isLockTimeout(thrown: unknown): boolean {
  return stateOf(thrown) === "55P03";
}

export function translate(thrown: unknown): unknown {
  if (thrown instanceof HoldfastError) return thrown;
  const state = stateOf(thrown);
  if (state === undefined) return unavailable("PostgreSQL cannot be reached", thrown);
  const init = { cause: thrown, details: { sqlState: state } };
  if (full.has(state)) return new HoldfastError("STORE_FULL", "the database's disk is full; nothing was written", init);
  if (corrupt.has(state)) {
    return new HoldfastError("STORE_CORRUPT", "the database reports damaged data; restore a backup", init);
  }
  if (missing.has(state)) {
    return new HoldfastError("SCHEMA_MISMATCH", "a table or function of holdfast is gone; open the store anew", init);
  }
  const refused = refusals.get(state.slice(0, 2)) ?? refusals.get(state);
  if (refused !== undefined) return new HoldfastError("CONFIGURATION", `${refused} (SQLSTATE ${state})`, init);
  if (isLockTimeout(thrown)) return unavailable("a row was locked by others for too long; nothing was written", thrown);
  if (state === "57014") return unavailable("a statement took too long and was cancelled", thrown);
  // The server's own words may quote parameters, which may hold what must not reach a log.
  return unavailable(`PostgreSQL refused a statement (SQLSTATE ${state})`, thrown);
}

export function outcomeUnknown(cause: unknown): HoldfastError {
  return new HoldfastError(
    "OUTCOME_UNKNOWN",
    "the connection was lost while a commit was under way; repeat it with the same commit id, or read first",
    { cause },
  );
}

export function unavailable(message: string, cause?: unknown): HoldfastError {
  const state = stateOf(cause);
  return new HoldfastError("UNAVAILABLE", message, {
    cause,
    ...(state !== undefined && { details: { sqlState: state } }),
  });
}

/** The five characters PostgreSQL gives with every error of its own. */
function stateOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown) || !("severity" in thrown)) return undefined;
  return typeof thrown.code === "string" && /^[0-9A-Z]{5}$/.test(thrown.code) ? thrown.code : undefined;
}

function severityOf(thrown: unknown): unknown {
  return thrown instanceof Error && "severity" in thrown ? thrown.severity : undefined;
}
