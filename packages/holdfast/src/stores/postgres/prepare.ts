import type { Driver } from "./driver.ts";
import { translate } from "./failures.ts";
import { migrate } from "./migrate.ts";
import type { ResolvedPostgresOptions } from "./options.ts";
import { requireSafeServer, type ServerFacts } from "./safety.ts";

/** Looks whether the server can keep the promises, and brings its schema up to date, on a connection for that alone. */
export async function prepareDatabase(driver: Driver, options: ResolvedPostgresOptions): Promise<ServerFacts> {
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
    return facts;
  } catch (error) {
    throw translate(error);
  } finally {
    await connection.end().catch(() => undefined);
  }
}
