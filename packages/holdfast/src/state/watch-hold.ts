/** What graphs show of a hold: read when somebody collects, and not before. */
import { randomUUID } from "node:crypto";

import type { Store } from "../store/contract.ts";
import type { Metrics, Reading } from "../telemetry/metrics.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { HoldCounts } from "./hold.ts";

const batchSizes = ["1", "2-3", "4-7", "8-15", "16-31", "32-63", "64+"] as const;

/** Returns how to stop. */
export function watchHold({ metrics }: Telemetry, store: Store, counts: () => HoldCounts): () => void {
  if (metrics === undefined) return () => undefined;
  const stops = [
    metrics.watch("holdfast.updates", () => [[counts().updates]]),
    metrics.watch("holdfast.locks", () => [[counts().locks]]),
    metrics.watch("holdfast.disposables", () => [[counts().disposables]]),
    metrics.watch("holdfast.turns", () => {
      const { turnsWritten, turnsLost } = counts();
      return [
        [turnsWritten, { outcome: "written" }],
        [turnsLost, { outcome: "lost" }],
      ];
    }),
    ...watchStore(metrics, store),
    watchHints(metrics, store),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function watchStore(metrics: Metrics, store: Store): readonly (() => void)[] {
  const of = (value: number | undefined): readonly Reading[] => (value === undefined ? [] : [[value]]);
  const figures = (): ReturnType<NonNullable<Store["figures"]>> => store.figures?.() ?? {};
  return [
    metrics.watch("holdfast.store.queue", () => of(figures().queued)),
    metrics.watch("holdfast.store.batches", () =>
      (figures().batches ?? []).map((count, at): Reading => [count, { size: batchSizes[at] ?? "64+" }]),
    ),
    metrics.watch("holdfast.cache.lookups", () => {
      const { cache } = figures();
      if (cache === undefined) return [];
      return [
        [cache.hits, { result: "hit" }],
        [cache.misses, { result: "miss" }],
      ];
    }),
    metrics.watch("holdfast.store.breaker.open", () => {
      const { breakerOpen } = figures();
      return of(breakerOpen === undefined ? undefined : Number(breakerOpen));
    }),
    metrics.watch("db.client.connection.count", () => {
      const { connections } = figures();
      if (connections === undefined) return [];
      return [
        [connections.used, { "db.client.connection.state": "used" }],
        [connections.idle, { "db.client.connection.state": "idle" }],
      ];
    }),
    metrics.watch("db.client.connection.max", () => of(figures().connections?.max)),
    metrics.watch("db.client.connection.pending_requests", () => of(figures().connections?.waiting)),
  ];
}

/**
 * Each collection sends a hint to ourselves through the store, and the next one tells whether it has come back. No clocks
 * of two machines are compared, and nothing is sent where nobody collects.
 */
function watchHints(metrics: Metrics, store: Store): () => void {
  const topic = `holdfast.echo.${randomUUID()}`;
  let sent: { readonly hint: string; readonly at: number } | undefined;
  let unsubscribe: (() => void) | undefined;
  const hear = (hint: string | undefined): void => {
    // Some stores can only say that something has changed.
    if (sent === undefined || (hint !== undefined && hint !== sent.hint)) return;
    metrics.record("holdfast.hint.lag", (performance.now() - sent.at) / 1_000);
    sent = undefined;
  };
  const stop = metrics.watch("holdfast.locks", () => {
    try {
      unsubscribe ??= store.subscribe(topic, hear);
      if (sent !== undefined) metrics.record("holdfast.hint.lost", 1);
      sent = { hint: randomUUID(), at: performance.now() };
      store.publish(topic, sent.hint);
    } catch {
      // The store is closing.
    }
    return [];
  });
  return () => {
    stop();
    unsubscribe?.();
  };
}
