import type { StoreHealth } from "../../store/traits.ts";
import type { Client } from "./client.ts";
import type { ReplicaCounts } from "./replicas.ts";
import type { ServerFacts } from "./safety.ts";

const probe = `select pg_is_in_recovery() as recovering, current_setting('fsync', true) as fsync,
  (select max(number) from holdfast.migrations) as schema, pg_database_size(current_database()) as bytes`;

export async function healthOf(
  client: Client,
  facts: ServerFacts,
  state: { readonly queued: number; readonly hears: boolean; readonly replicas: ReplicaCounts | undefined },
): Promise<StoreHealth> {
  const warnings = [...facts.warnings];
  const { connections, waiting } = client.load;
  const details: Record<string, string | number | boolean> = {
    server: facts.version,
    connections,
    waitingForConnection: waiting,
    queuedCommits: state.queued,
    hearsHints: state.hears,
    ...(state.replicas && { replicaAnswers: state.replicas.answers, replicaFallbacks: state.replicas.fallbacks }),
  };
  let ok = true;
  try {
    const [row] = await client.read(probe, []);
    details["schema"] = Number(row?.["schema"]);
    details["databaseBytes"] = Number(row?.["bytes"]);
    if (row?.["recovering"] === true) {
      ok = false;
      warnings.push("The server has become a standby and takes no writes; name the primary.");
    }
    if (row?.["fsync"] === "off" && facts.fsync !== false) {
      warnings.push("The server's fsync was turned off since the store was opened: loss of power can lose everything.");
    }
  } catch (error) {
    ok = false;
    warnings.push(error instanceof Error ? error.message : "PostgreSQL cannot be asked.");
  }
  return { ok, durability: durabilityOf(facts), warnings, details };
}

function durabilityOf({ lossy, hasSynchronousStandby }: ServerFacts): string {
  if (lossy.length > 0) {
    return `An acknowledged commit survives a crash of PostgreSQL, but not loss of power on its host (${lossy.join(", ")}).`;
  }
  const failover = hasSynchronousStandby
    ? "a failover to a synchronous standby keeps it"
    : "a failover to an asynchronous standby may lose the newest";
  return `An acknowledged commit survives crashes and, if the disk keeps what it is told to, loss of power; ${failover}.`;
}
