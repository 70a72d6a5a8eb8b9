/** Settings of the servers that would break a promise, looked at when the store opens. */
import { HoldfastError } from "../../record/errors.ts";
import { wayToAccept } from "../../store/accept.ts";
import { Refused } from "./failures.ts";
import type { RedisNode } from "./node.ts";
import type { RedisRisk } from "./options.ts";
import type { Topology } from "./topology.ts";

const oldestMajor = 7;

/** How often the append-only file is flushed; `hidden` where a managed service does not say. */
export type Flushing = "always" | "everysec" | "no" | "hidden" | "none";

export type ServerFacts = {
  readonly version: string;
  readonly flushing: Flushing;
  /** The policy by which a full server throws away keys of ours, where that was accepted. */
  readonly evicting: string | undefined;
  readonly warnings: readonly string[];
};

/** Throws `STORE_UNSAFE` naming setting, value and remedy for the first server that cannot keep the promises. */
export async function requireSafeServers(topology: Topology, accepted: readonly RedisRisk[]): Promise<ServerFacts> {
  const all: ServerFacts[] = [];
  for (const [name, node] of topology.nodes()) all.push(await requireSafeServer(name, node, accepted));
  const worst = (["none", "no", "hidden", "everysec", "always"] as const).find((flushing) =>
    all.some((facts) => facts.flushing === flushing),
  );
  return {
    version: [...new Set(all.map(({ version }) => version))].join(", "),
    flushing: worst ?? "hidden",
    evicting: all.find(({ evicting }) => evicting !== undefined)?.evicting,
    warnings: [...new Set(all.flatMap(({ warnings }) => warnings))],
  };
}

async function requireSafeServer(name: string, node: RedisNode, accepted: readonly RedisRisk[]): Promise<ServerFacts> {
  const info = parseInfo(String(await node.send(["INFO"])));
  const flushing = await flushingOf(node, info);
  const warnings: string[] = [];
  const refuse = (risk: RedisRisk | undefined, message: string): void => {
    if (risk === undefined || !accepted.includes(risk)) {
      const way = risk === undefined ? "" : `, ${wayToAccept(accepted, risk)}`;
      throw new HoldfastError("STORE_UNSAFE", `Redis at ${name} ${message}${way}`, {
        details: { setting: risk ?? "role" },
      });
    }
    warnings.push(`Redis at ${name} ${message} (accepted)`);
  };

  if (info.get("role") === "slave") {
    refuse(undefined, "is a replica (role: slave), which takes no changes: name its primary, or the sentinels");
  }
  const version = info.get("redis_version") ?? "0";
  if (Number.parseInt(version, 10) < oldestMajor) {
    refuse("old-server", `has version ${version}, and 7.0 is the oldest with what is needed: update it`);
  }
  if (flushing === "none") {
    refuse(
      "appendonly=no",
      "keeps no append-only file (appendonly no) and loses what it has when it ends: set appendonly yes",
    );
  }
  if (flushing === "no") {
    refuse("appendfsync=no", "leaves flushing to the system (appendfsync no): set appendfsync everysec, or always");
  }
  const policy = info.get("maxmemory_policy");
  if (policy !== undefined && policy !== "noeviction") {
    refuse("maxmemory-policy", `may throw keys away (maxmemory-policy ${policy}): set maxmemory-policy noeviction`);
  }
  if (flushing === "hidden")
    warnings.push(`Redis at ${name} hides how often it flushes; its durability cannot be told.`);
  if (policy === undefined) warnings.push(`Redis at ${name} hides its maxmemory-policy; it has to be noeviction.`);
  if (info.get("maxmemory") === "0") {
    warnings.push(
      `Redis at ${name} has no maxmemory: set one below what its host has, so that it refuses rather than dies.`,
    );
  }
  return { version, flushing, evicting: evictingOf(info), warnings };
}

/** Policies that begin with `volatile` take only keys with a time to live, which ours never have. */
export function evictingOf(info: ReadonlyMap<string, string>): string | undefined {
  const policy = info.get("maxmemory_policy");
  return policy?.startsWith("allkeys") ? policy : undefined;
}

async function flushingOf(node: RedisNode, info: ReadonlyMap<string, string>): Promise<Flushing> {
  const aof = info.get("aof_enabled");
  if (aof === undefined) return "hidden";
  if (aof === "0") return "none";
  try {
    const answer = await node.send(["CONFIG", "GET", "appendfsync"]);
    const value = valueIn(answer);
    return value === "always" || value === "everysec" || value === "no" ? value : "hidden";
  } catch (error) {
    // Managed services rename the command, or refuse it.
    if (error instanceof Refused) return "hidden";
    throw error;
  }
}

/** A map in RESP3, names and values in turn before it. */
function valueIn(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer[1];
  if (answer instanceof Map) return answer.get("appendfsync");
  return typeof answer === "object" && answer !== null && "appendfsync" in answer ? answer.appendfsync : undefined;
}

export function parseInfo(text: string): ReadonlyMap<string, string> {
  const lines = text.split("\r\n").filter((line) => line.includes(":"));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)] as const));
}
