import { HoldfastError } from "../../record/errors.ts";
import type { Connection } from "./driver.ts";
import { migrations, schemaVersion } from "./migrations/index.ts";

/** Any number that nobody else uses; whoever holds it is migrating. */
const lockNumber = 7_453_916_402_117;

const versions = "select max(number) as found, max(oldest) as oldest from holdfast.migrations";

/**
 * Brings the database up to date, on a connection of the caller's. Safe for any number of processes at once: one does
 * it, the others wait and find it done. A database that a newer release has migrated is left as it is, and served if
 * that release said that this one still can.
 *
 * Throws `SCHEMA_MISMATCH` if it cannot.
 */
export async function migrate(connection: Connection): Promise<void> {
  const { rows } = await connection.query("select to_regclass('holdfast.migrations') is not null as there");
  if (rows[0]?.["there"] === true && (await foundVersion(connection)) >= schemaVersion) return;
  await connection.query("begin");
  try {
    await connection.query("select pg_advisory_xact_lock($1)", [lockNumber]);
    await connection.query("create schema if not exists holdfast");
    await connection.query(
      "create table if not exists holdfast.migrations (number integer primary key, oldest integer not null, " +
        "applied_at timestamptz not null default now())",
    );
    const found = await foundVersion(connection);
    for (const [index, { sql, oldest }] of migrations.entries()) {
      if (index < found) continue;
      await connection.query(sql);
      await connection.query("insert into holdfast.migrations (number, oldest) values ($1, $2)", [index + 1, oldest]);
    }
    await connection.query("commit");
  } catch (error) {
    await connection.query("rollback").catch(() => undefined);
    throw error;
  }
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
