import type { Metrics } from "../telemetry/metrics.ts";
import type { Connections } from "./types.ts";

/** What graphs show of a served app. Returns how to stop. */
export function watchApp(
  metrics: Metrics | undefined,
  connections: Connections,
  memory: { readonly share: number },
): () => void {
  if (metrics === undefined) return () => undefined;
  const stops = [
    metrics.watch("holdfast.calls.active", () => [[connections.callsInFlight]]),
    metrics.watch("holdfast.connections", () => [[connections.open]]),
    metrics.watch("holdfast.streams", () => [[connections.streams]]),
    metrics.watch("holdfast.sessions", () => [
      [connections.sessionsInUse, { state: "in_use" }],
      [connections.warm - connections.sessionsInUse, { state: "idle" }],
    ]),
    metrics.watch("holdfast.memory.share", () => [[memory.share]]),
    metrics.watch("holdfast.session.lookups", () => [
      [connections.warmHits, { result: "hit" }],
      [connections.warmMisses, { result: "miss" }],
    ]),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
