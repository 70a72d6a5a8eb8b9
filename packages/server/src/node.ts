import { getHeapStatistics } from "node:v8";
import type { App, Hold, Principal } from "holdfast";
import type { Kinds } from "./kinds.ts";
import type { Resolved } from "./settings/resolve.ts";
import { shownSettings } from "./settings/show.ts";
import type { Table } from "./settings/table.ts";

type Facts = Readonly<Record<string, unknown>>;

/** This process, as its tools may speak of it. */
export interface ServingNode {
  /** Whether what is sensitive can be sealed. */
  readonly hasSealingKeys: boolean;
  /** What every caller may know. */
  facts(): Facts;
  /** What one principal has. */
  usage(principal: Principal, signal: AbortSignal): Promise<Facts>;
  calls(): Facts;
  /** What only operators may know. */
  internals(): Facts;
  /** The settings in effect, secrets left out. */
  configuration(): Facts;
}

export type NodeParts = {
  readonly name: string;
  readonly version: string;
  readonly hold: Hold<Kinds>;
  /** Asked for late: tools are registered before the app that serves them exists. */
  readonly app: () => App;
  readonly table: Table;
  readonly resolved: Resolved;
  readonly hasSealingKeys: boolean;
};

export function servingNode({ name, version, hold, app, table, resolved, hasSealingKeys }: NodeParts): ServingNode {
  const startedAt = performance.now();
  return {
    hasSealingKeys,
    facts: () => ({
      uptime_s: Math.round((performance.now() - startedAt) / 100) / 10,
      node: name,
      version,
      store: hold.traits.name,
      durability: hold.traits.durability,
    }),
    usage: async (principal, signal) => {
      const { records, bytes, byKind } = await hold.usage(principal, { signal });
      return { sessions: byKind["session"] ?? 0, records, bytes };
    },
    calls: () => {
      const { callsInFlight, callsTotal } = app().connections;
      return { in_flight: callsInFlight, total: callsTotal };
    },
    internals: () => {
      const { open, streams, warm, sessionsInUse, warmHits, warmMisses } = app().connections;
      const { rss, heapUsed } = process.memoryUsage();
      return {
        memory: { rss, heap_used: heapUsed, heap_limit: getHeapStatistics().heap_size_limit },
        connections: open,
        sessions: sessionsInUse,
        warm,
        conflicts: hold.counts.conflicts,
        retries: hold.counts.retries,
        cache: { hits: warmHits, misses: warmMisses },
        locks: hold.counts.locks,
        streams,
      };
    },
    configuration: () => shownSettings(table, resolved),
  };
}
