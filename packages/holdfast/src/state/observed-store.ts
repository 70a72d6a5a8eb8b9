/** A store as it is looked at: how long its operations take, and what its commits do to records. */
import type { Attributes } from "@opentelemetry/api";

import type { Change, ChangeResult } from "../record/change.ts";
import { around } from "../store/around.ts";
import type { Committed, Store } from "../store/contract.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { errorType, type Telemetry } from "../telemetry/telemetry.ts";
import { hashed } from "./document.ts";

/** The words of the semantic conventions for databases that they know. */
const systemNames: Readonly<Record<string, string>> = { postgres: "postgresql", tiered: "postgresql" };

/** Measures each operation, and gives it a span of its own. The store itself where nobody looks. */
export function measured(store: Store, telemetry: Telemetry): Store {
  const { metrics, tracer } = telemetry;
  if (metrics === undefined && tracer === undefined) return store;
  const { name } = store.traits;
  const system: Attributes = { "db.system.name": systemNames[name] ?? name };
  const operation = <T>(called: string, work: () => Promise<T>): Promise<T> => {
    const attributes = { ...system, "db.operation.name": called };
    if (tracer === undefined) return timed(metrics, attributes, work);
    return telemetry.span(called, { kind: "client", attributes }, () => timed(metrics, attributes, work));
  };
  return around(store, {
    read: (...given) => operation("read", () => store.read(...given)),
    commit: (...given) => operation("commit", () => store.commit(...given)),
    events: (...given) => operation("events", () => store.events(...given)),
    list: (...given) => operation("list", () => store.list(...given)),
    usage: (...given) => operation("usage", () => store.usage(...given)),
  });
}

/** Without a closure that waits: every operation passes here. */
function timed<T>(metrics: Metrics | undefined, attributes: Attributes, work: () => Promise<T>): Promise<T> {
  if (metrics === undefined) return work();
  const began = performance.now();
  const took = (of: Attributes): void =>
    metrics.record("db.client.operation.duration", (performance.now() - began) / 1_000, of);
  return work().then(
    (answer) => {
      took(attributes);
      return answer;
    },
    (error: unknown) => {
      took({ ...attributes, "error.type": errorType(error) });
      throw error;
    },
  );
}

/** Tells what commits create and end, and counts how they went. The store itself where nobody listens. */
export function noticing(store: Store, telemetry: Telemetry): Store {
  if (!telemetry.hears) return store;
  const count = (outcome: string): void => telemetry.metrics?.record("holdfast.commits", 1, { outcome });
  return around(store, {
    commit: async (owner, changes, options) => {
      try {
        const committed = await store.commit(owner, changes, options);
        count(outcomeOf(committed));
        if (committed.ok && !committed.replayed) tell(telemetry, changes, committed.results);
        return committed;
      } catch (error) {
        count("failed");
        throw error;
      }
    },
  });
}

function outcomeOf(committed: Committed): string {
  if (!committed.ok) return committed.refusal.reason;
  return committed.replayed ? "replayed" : "applied";
}

function tell(telemetry: Telemetry, changes: readonly Change[], results: readonly ChangeResult[]): void {
  for (const [index, { kind, id, end }] of changes.entries()) {
    if (!isTold(kind)) continue;
    if (results[index]?.created === true) telemetry.change({ change: "created", kind, idHash: hashed(id) });
    if (end === true) telemetry.change({ change: "ended", kind, idHash: hashed(id) });
  }
}

/** Whether a kind is an author's, or that of sessions. The engine's own are nobody's news, and some are without number. */
export function isTold(kind: string): boolean {
  return !kind.startsWith("holdfast.");
}
