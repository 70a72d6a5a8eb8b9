import { listenForStop } from "../lifecycle/signals.ts";
import { closingMs, type Running } from "./running.ts";

/** Serves stdin and stdout until the input ends or a signal comes. */
export async function serveStdio({ settings, app, log, lastResort }: Running): Promise<void> {
  using signals = listenForStop();
  await using connection = await app.stdio();
  const signal = await Promise.race([signals.first, connection.closed]);
  lastResort.arm(settings.drainTimeout + closingMs);
  log.info({ signal: signal ?? "end of input" }, "draining");
  await app.drain({ timeoutMs: settings.drainTimeout });
  log.info("stopped");
}
