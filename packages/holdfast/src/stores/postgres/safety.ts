/** Settings of the server that would break a promise, looked at when the store opens. */
import { HoldfastError } from "../../record/errors.ts";
import { wayToAccept } from "../../store/accept.ts";
import type { Connection } from "./driver.ts";
import type { PostgresRisk } from "./options.ts";

const oldestServer = 140_000;

const settings = `select current_setting('server_version_num')::integer as version,
  current_setting('server_version') as name, pg_is_in_recovery() as recovering,
  current_setting('fsync', true) as fsync, current_setting('full_page_writes', true) as pages,
  current_setting('synchronous_standby_names', true) as standbys, getdatabaseencoding() as encoding`;

export type ServerFacts = {
  readonly version: string;
  readonly fsync: boolean | undefined;
  /** Settings by which loss of power can lose what was acknowledged, where they were accepted. */
  readonly lossy: readonly string[];
  readonly hasSynchronousStandby: boolean;
  readonly warnings: readonly string[];
};

/**
 * Throws `STORE_UNSAFE` naming setting, value and remedy, unless the operator accepted it by name.
 * `synchronous_commit` needs no check: every transaction of ours sets it.
 */
export async function requireSafeServer(
  connection: Connection,
  accepted: readonly PostgresRisk[],
): Promise<ServerFacts> {
  const { rows } = await connection.query(settings);
  const row = rows[0] ?? {};
  const warnings: string[] = [];
  const refuse = (risk: PostgresRisk | undefined, message: string): void => {
    if (risk === undefined || !accepted.includes(risk)) {
      const way = risk === undefined ? "" : `, ${wayToAccept(accepted, risk)}`;
      throw new HoldfastError("STORE_UNSAFE", `${message}${way}`, { details: { setting: risk ?? "server" } });
    }
    warnings.push(`${message} (accepted)`);
  };

  if (row["recovering"] === true) {
    refuse(undefined, "the PostgreSQL server is in recovery (a standby), which takes no writes: name the primary");
  }
  if (row["encoding"] !== "UTF8") {
    refuse(undefined, `the database's encoding is ${String(row["encoding"])}: create one with encoding UTF8`);
  }
  if (Number(row["version"]) < oldestServer) {
    refuse("old-server", `PostgreSQL ${String(row["name"])} is older than 14, the oldest that is tested: update it`);
  }
  if (row["fsync"] === "off") {
    refuse("fsync=off", "the server runs with fsync=off, which can lose and corrupt everything: set fsync=on");
  }
  if (row["pages"] === "off") {
    refuse("full_page_writes=off", "the server runs with full_page_writes=off, which can corrupt: set it to on");
  }
  if (row["fsync"] === null) warnings.push("The server hides its fsync setting; its durability cannot be told.");
  return {
    version: String(row["name"]),
    lossy: [
      ...(row["fsync"] === "off" ? ["fsync=off"] : []),
      ...(row["pages"] === "off" ? ["full_page_writes=off"] : []),
    ],
    fsync: row["fsync"] === null ? undefined : row["fsync"] !== "off",
    hasSynchronousStandby: typeof row["standbys"] === "string" && row["standbys"] !== "",
    warnings,
  };
}
