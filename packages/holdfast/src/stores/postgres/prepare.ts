import { freshCursorKey } from "../../record/cursor.ts";
import type { Connection, Driver } from "./driver.ts";
import { translate } from "./failures.ts";
import { migrate } from "./migrate.ts";
import type { ResolvedPostgresOptions } from "./options.ts";
import { requireSafeServer, type ServerFacts } from "./safety.ts";

export type Prepared = {
  readonly facts: ServerFacts;
  /** The same for every opening of the database. */
  readonly cursorKey: Uint8Array;
};

/** Looks whether the server can keep the promises, and brings its schema up to date, on a connection for that alone. */
export async function prepareDatabase(driver: Driver, options: ResolvedPostgresOptions): Promise<Prepared> {
  const connection = new driver.Client({
    connectionString: options.directUrl,
    connectionTimeoutMillis: options.connectTimeoutMs,
    application_name: "holdfast start",
  });
  // What goes wrong is met by the query that was under way.
  connection.on("error", () => undefined);
  try {
    await connection.connect();
    const facts = await requireSafeServer(connection, options.accept);
    await migrate(connection);
    return { facts, cursorKey: await sharedCursorKey(connection) };
  } catch (error) {
    throw translate(error);
  } finally {
    await connection.end().catch(() => undefined);
  }
}

/** Whoever comes first brings the key; everybody uses the one that is there. */
async function sharedCursorKey(connection: Connection): Promise<Uint8Array> {
  const insert = "insert into holdfast.secrets (name, value) values ('cursors', $1) on conflict do nothing";
  await connection.query("begin isolation level read committed");
  await connection.query(insert, [Buffer.from(freshCursorKey())]);
  await connection.query("commit");
  const { rows } = await connection.query("select value from holdfast.secrets where name = 'cursors'");
  // The driver answers a bytea column with a Buffer.
  return rows[0]?.["value"] as Uint8Array;
}
