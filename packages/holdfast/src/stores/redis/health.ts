import type { StoreHealth } from "../../store/traits.ts";
import { translate } from "./failures.ts";
import { evictingOf, parseInfo, type ServerFacts } from "./safety.ts";
import type { Topology } from "./topology.ts";

export type StoreState = { readonly queued: number; readonly hears: boolean };

export async function healthOf(topology: Topology, facts: ServerFacts, state: StoreState): Promise<StoreHealth> {
  const warnings = [...facts.warnings];
  const nodes = topology.nodes();
  const details: Record<string, string | number | boolean> = {
    server: facts.version,
    servers: nodes.size,
    queuedCommits: state.queued,
    hearsHints: state.hears,
  };
  let ok = true;
  let bytes = 0;
  for (const [name, node] of nodes) {
    try {
      const info = parseInfo(String(await node.send(["INFO"])));
      bytes += Number(info.get("used_memory") ?? 0);
      if (info.get("role") === "slave") {
        ok = false;
        warnings.push(`Redis at ${name} has become a replica and takes no changes.`);
      }
      if (info.get("aof_last_write_status") === "err") {
        warnings.push(`Redis at ${name} cannot write its append-only file.`);
      }
      if (info.get("aof_enabled") === "0" && facts.flushing !== "none") {
        warnings.push(`Redis at ${name} stopped keeping its append-only file since the store was opened.`);
      }
      if (evictingOf(info) !== undefined && facts.evicting === undefined) {
        warnings.push(`Redis at ${name} may throw keys away since the store was opened (${evictingOf(info)}).`);
      }
      const limit = Number(info.get("maxmemory") ?? 0);
      if (limit > 0 && Number(info.get("used_memory")) > 0.9 * limit) {
        warnings.push(`Redis at ${name} has used more than nine tenths of its maxmemory.`);
      }
    } catch (error) {
      ok = false;
      const problem = translate(error, true);
      warnings.push(problem instanceof Error ? problem.message : `Redis at ${name} cannot be asked.`);
    }
  }
  details["memoryBytes"] = bytes;
  return { ok, durability: durabilityOf(facts), warnings: [...new Set(warnings)], details };
}

function durabilityOf({ flushing, evicting }: ServerFacts): string {
  if (evicting !== undefined) {
    return `Nothing is sure to survive: Redis throws away what it likes once it is full (maxmemory-policy ${evicting}).`;
  }
  const failover = "a failover to a replica can take back the newest commits and tokens";
  switch (flushing) {
    case "always":
      return `An acknowledged commit survives crashes of Redis and, if the disk keeps what it is told to, loss of power; ${failover}.`;
    case "everysec":
      return `An acknowledged commit survives crashes of Redis; loss of power on its host can lose about the last two seconds; ${failover}.`;
    case "no":
      return `An acknowledged commit survives crashes of Redis; loss of power on its host can lose half a minute or more; ${failover}.`;
    case "hidden":
      return `The server hides how often it flushes, so what survives a crash of it cannot be told; ${failover}.`;
    case "none":
      return "Nothing survives the end of Redis (appendonly no).";
  }
}
