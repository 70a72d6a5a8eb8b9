import { HoldfastError } from "../../record/errors.ts";
import type { Connection } from "./driver.ts";
import { isLockTimeout, isTransient } from "./failures.ts";
import { migrations, schemaVersion } from "./migrations/index.ts";

/** Any number that nobody else uses; whoever holds it is migrating. */
const lockNumber = 7_453_916_402_117;

const versions = "select max(number) as found, max(oldest) as oldest from holdfast.migrations";

/** How long a step waits for tables that others use: whoever comes after it waits for it. */
const lockTimeoutMs = 2_000;
const attempts = 20;

/**
 * Brings the database up to date, on a connection of the caller's. Safe for any number of processes at once: one does
 * it, the others wait and find it done. A database that a newer release has migrated is left as it is, and served if
 * that release said that this one still can. A step that would hold up other nodes for long lets them pass and tries
 * again.
 *
 * Throws `SCHEMA_MISMATCH` if it cannot.
 * @param upTo an older schema's number. Only tests want one.
 */
export async function migrate(connection: Connection, upTo: number = schemaVersion): Promise<void> {
  const { rows } = await connection.query("select to_regclass('holdfast.migrations') is not null as there");
  if (rows[0]?.["there"] === true && (await foundVersion(connection)) >= upTo) return;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await takeSteps(connection, upTo);
      return;
    } catch (error) {
      await connection.query("rollback").catch(() => undefined);
      if (!(isTransient(error) || isLockTimeout(error)) || attempt === attempts) throw error;
      await pause(Math.random() * 200 * Math.min(attempt, 10));
    }
  }
}

async function takeSteps(connection: Connection, upTo: number): Promise<void> {
  // Whatever the database's own level: what is there is looked up after the lock was waited for.
  await connection.query("begin isolation level read committed");
  await connection.query("select pg_advisory_xact_lock($1)", [lockNumber]);
  await connection.query(`set local lock_timeout = ${lockTimeoutMs}`);
  await connection.query("create schema if not exists holdfast");
  await connection.query(
    "create table if not exists holdfast.migrations (number integer primary key, oldest integer not null, " +
      "applied_at timestamptz not null default now())",
  );
  const found = await foundVersion(connection);
  for (const [index, { sql, oldest }] of migrations.slice(0, upTo).entries()) {
    if (index < found) continue;
    await connection.query(sql);
    await connection.query("insert into holdfast.migrations (number, oldest) values ($1, $2)", [index + 1, oldest]);
  }
  await connection.query("commit");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function foundVersion(connection: Connection): Promise<number> {
  const { rows } = await connection.query(versions);
  const [found, oldest] = [Number(rows[0]?.["found"] ?? 0), Number(rows[0]?.["oldest"] ?? 0)];
  if (oldest <= schemaVersion) return found;
  throw new HoldfastError(
    "SCHEMA_MISMATCH",
    `the database has schema ${found}, which needs a holdfast that knows schema ${oldest}; this one knows up to ${schemaVersion}: update it`,
    { details: { found, oldest, known: schemaVersion } },
  );
}
