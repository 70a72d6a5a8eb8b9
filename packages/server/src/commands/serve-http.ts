import { withAccessLog } from "../http/access-log.ts";
import { ReadinessCheck } from "../http/health.ts";
import { type Listening, listen } from "../http/listen.ts";
import { Traffic } from "../http/quiet.ts";
import { routes } from "../http/routes.ts";
import { listenForStop } from "../lifecycle/signals.ts";
import { closingMs, type Running } from "./running.ts";

/** Health probes, and refusals in words, still get through when the MCP endpoint has all the connections it may have. */
const spareConnections = 64;
const readinessDeadlineMs = 2_000;
/**
 * Balancers learn that this node is going from the 503s it answers: its port closes once none of them has sent anything
 * for a moment. Closed at once, it would cut off the requests that were on their way.
 */
const quietMs = 1_500;
const mostQuietMs = 5_000;
/** For answers that are written and not yet read. */
const closeGraceMs = 1_000;

/** Serves HTTP until a signal comes, then drains. */
export async function serveHttp({
  settings,
  hold,
  app,
  log,
  lastResort,
  metadata,
  announce,
  metricsPage,
}: Running): Promise<void> {
  using signals = listenForStop();
  let draining = false;
  const readiness = new ReadinessCheck({
    health: (signal) => hold.health({ signal }),
    draining: () => draining,
    deadlineMs: readinessDeadlineMs,
  });
  const traffic = new Traffic();
  const mcp = traffic.watch((request, response) => app.node(request, response));
  const httpSse = settings.sse ? traffic.watch((request, response) => app.httpSse.node(request, response)) : undefined;
  const metrics = { page: metricsPage, token: settings.metricsToken };
  const listener = routes({
    mcpPath: settings.path,
    mcp,
    httpSse,
    metadata,
    metrics,
    readiness,
    draining: () => draining,
  });
  const listening = await listen(withAccessLog(listener, log), {
    host: settings.host,
    port: settings.port,
    maxConnections: settings.maxConnections + spareConnections,
    onError: (err) => log.error({ err }, "a connection could not be accepted"),
  });
  announce(listening.origin + settings.path);

  const signal = await signals.first;
  draining = true;
  lastResort.arm(settings.drainTimeout + mostQuietMs + closingMs);
  log.info({ signal, callsInFlight: app.connections.callsInFlight }, "draining");
  await stop(listening, async () => {
    await app.drain({ timeoutMs: settings.drainTimeout });
    await traffic.quiet(quietMs, mostQuietMs);
  });
  log.info("stopped");
}

/** The listener stays open while calls finish: who comes meanwhile is told 503 rather than meeting a closed port. */
async function stop(listening: Listening, drain: () => Promise<void>): Promise<void> {
  try {
    await drain();
  } finally {
    await listening.close(closeGraceMs);
  }
}
