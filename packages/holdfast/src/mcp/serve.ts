import { HoldfastError } from "../record/errors.ts";
import { refuseUnknownNames } from "../record/option-names.ts";
import type { Hold } from "../state/hold.ts";
import type { AnyKind } from "../state/kind.ts";
import { servingHold } from "../state/open-hold.ts";
import { announceExpired } from "./announce-expired.ts";
import { EventBus } from "./bus/bus.ts";
import { ConnectionRegistry } from "./connections.ts";
import { fetchFace } from "./faces/fetch.ts";
import { nodeFace } from "./faces/node.ts";
import { Addresses } from "./http/addresses.ts";
import { Gate, type GateShares } from "./http/gate.ts";
import { InFlight } from "./http/in-flight.ts";
import { silenceMs } from "./http/silence.ts";
import { HttpSse } from "./http-sse/http-sse.ts";
import { instanceFactory } from "./instance.ts";
import { createStatelessEndpoint } from "./modern/handler.ts";
import { resolveServeOptions } from "./options.ts";
import { Admission } from "./pressure/admission.ts";
import type { MemoryGauge } from "./pressure/memory-gauge.ts";
import { memoryGauge, relievePressure } from "./pressure/relieve.ts";
import { ratesOf } from "./rates/rates.ts";
import { createSessionEndpoint, type SessionEndpoint } from "./sessions/endpoint.ts";
import { type FailurePoints, failurePoints } from "./sessions/failure-points.ts";
import { MissedIds } from "./sessions/missed-ids.ts";
import { placesOf } from "./sessions/shared-places.ts";
import { StreamSlots } from "./sessions/slots.ts";
import { StdioConnections } from "./stdio.ts";
import type { App, Build, NodeListener, ServeOptions, ServerInfo } from "./types.ts";
import { watchApp } from "./watch-app.ts";

const defaultDrainMs = 25_000;

/**
 * Serves an MCP server in both protocol eras: 2026-07-28 requests statelessly, 2025-era clients in sessions that any
 * process on the same store can go on with.
 *
 * `build` registers tools, resources and prompts on a server that holdfast has constructed, for one caller. It runs per
 * request (2026-07-28) or per session instance (2025), so keep it thin: make schemas once, outside of it.
 *
 * What comes back is a function from `Request` to `Response` that mounts wherever there is one, with `node` for
 * `node:http` and `stdio()` for a local client. Without `authenticate` everybody is the local user and only this machine
 * is served. The hold stays the caller's to close, after the app.
 *
 * What it implements, by the specification's names: of 2026-07-28 `basic/transports`, `basic/patterns` ("Multi Round-Trip
 * Requests", "Subscriptions", "Cancellation", "Progress") and `basic/authorization`; of 2025-11-25 and older `basic/transports`
 * ("Session Management", "Resumability and Redelivery"), `basic/utilities/cancellation` and `progress`, and
 * `server/utilities/logging` ("Setting Log Level"), on whatever node a message arrives.
 *
 * Throws `INVALID_ARGUMENT` for options that do not exist or cannot be, and for a hold that `holdfast()` did not make.
 *
 * @example
 * const mcp = serve(hold, { name: "shop", version: "1.0.0" }, (server, { state }) => {
 *   server.registerTool("create_basket", { description: "Opens a basket" }, () => reply(state.basket.create()));
 * });
 * createServer(mcp.node).listen(3000, "127.0.0.1");
 */
export function serve<const Kinds extends readonly AnyKind[]>(
  hold: Hold<Kinds>,
  info: ServerInfo,
  build: Build<Kinds>,
  options: ServeOptions = {},
): App {
  if (typeof build !== "function" || typeof info?.name !== "string") throw incomplete();
  const resolved = resolveServeOptions(options);
  const { onError, limits } = resolved;
  const connections = new ConnectionRegistry(limits.maxConnections);
  const serving = servingHold(hold);
  const detach = serving.attach();
  const bus = new EventBus(serving.store, onError);
  const untell = serving.onExpired((expired) => announceExpired(bus, resolved.listedKinds, expired));
  const refused = (limit: string): void => serving.telemetry.metrics?.record("holdfast.limit.refused", 1, { limit });
  const missed = new MissedIds(limits.maxMissedIdsPerMinute, () => refused("missed_ids"));
  const addresses = new Addresses();
  const calls = new InFlight(limits, refused);
  const instance = instanceFactory({
    hold,
    info,
    build,
    options: resolved,
    bus,
    connections,
    missed,
    addresses,
    calls,
  });
  const { response, stateless, server: { inputRequired: { maxRounds, roundTimeoutMs } = {} } = {} } = resolved;
  // Only tests have one.
  const hook = Reflect.get(options, failurePoints) as FailurePoints | undefined;
  const slots = new StreamSlots({
    max: limits.maxStreams,
    places: placesOf({ store: serving.store, max: limits.maxStreamsPerPrincipal, onError }),
    onRefused: (full) => refused(`${full}_streams`),
  });
  const rates = ratesOf({ limits, store: serving.store, onRefused: refused, onError });
  const pressure = relievePressure({
    maxBytes: limits.maxMemoryBytes,
    serving,
    sessions: () => sessions,
    onError,
    gauge: Reflect.get(options, memoryGauge) as MemoryGauge | undefined,
  });
  const admission = new Admission({
    maxInUse: limits.maxSessionsInUse,
    inUse: () => sessions.stats.inUse + httpSse.open,
    memoryIsShort: () => pressure.refuses(),
    onRefused: refused,
  });
  const sessions: SessionEndpoint = createSessionEndpoint({
    hold: serving,
    instance,
    news: bus,
    slots,
    missed,
    admission,
    options: { ...limits, response, stateless, onError, maxRounds, roundTimeoutMs, [failurePoints]: hook },
  });
  const modern = createStatelessEndpoint({ instance, info, bus, connections, slots, options: resolved });
  const shares: GateShares = { rates, addresses, inFlight: new InFlight(limits, refused) };
  const gate = new Gate(resolved, { sessions, stateless: modern, byHeader: !stateless }, connections, shares);
  const httpSse: HttpSse = new HttpSse({ hold: serving, instance, bus, slots, missed, admission, options: resolved });
  const httpSseGate = new Gate(
    { ...resolved, stateless: false },
    { sessions: httpSse, stateless: httpSse, byHeader: false },
    connections,
    shares,
  );
  const local = new StdioConnections({ hold: serving, instance, bus, connections, options: resolved });

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    gate.close();
    httpSseGate.close();
    unwatch();
    untell();
    pressure[Symbol.dispose]();
    await Promise.all([local.close(), modern.close(), sessions.close(), httpSse.close(), rates?.close()]);
    await Promise.all([bus.close(), slots.close()]);
    // No call uses them any more.
    await detach();
    await serving.turns.flush();
  };
  const drain = async (timeoutMs: number): Promise<void> => {
    gate.drain();
    httpSseGate.drain();
    const deadline = AbortSignal.timeout(timeoutMs);
    // Streams that no call here writes to end at once: their clients go on elsewhere, and nobody waits for them here.
    await Promise.race([sessions.drain(), aborted(deadline)]);
    await connections.whenIdle(deadline);
    closing ??= close();
    await closing;
  };

  const view = connections.view(() => sessions.stats);
  const unwatch = watchApp(serving.telemetry.metrics, view, pressure);
  const face = fetchFace(gate, connections);
  const overNode = (behind: Gate): NodeListener =>
    nodeFace({ gate: behind, connections, silentMs: silenceMs(limits.keepAliveMs), onError });
  return Object.assign((...given: Parameters<typeof face>) => face(...given), {
    fetch: face,
    node: overNode(gate),
    httpSse: { fetch: fetchFace(httpSseGate, connections), node: overNode(httpSseGate) },
    stdio: async (init: Parameters<App["stdio"]>[0] = {}) => {
      refuseUnknownNames("stdio()", init, ["stdin", "stdout"]);
      return await local.open(init);
    },
    connections: view,
    notify: bus.notifier(),
    drain: async (init: Parameters<App["drain"]>[0] = {}) => {
      refuseUnknownNames("drain()", init, ["timeoutMs"]);
      await drain(init.timeoutMs ?? defaultDrainMs);
    },
    close: () => (closing ??= close()),
  });
}

function incomplete(): HoldfastError {
  return new HoldfastError(
    "INVALID_ARGUMENT",
    'serve() needs a hold, the name and version of the server, and a function that registers its tools: serve(hold, { name: "shop", version: "1.0.0" }, (server, { state }) => { … })',
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
