/**
 * Loaded into the server before its own code (`--import`): writes down whenever its event loop did not turn for long, into
 * the file that `WATCH_STALLS` names. A process that others keep from the processor does not turn either, so
 * what counts is the processor time that this process itself used meanwhile.
 */
import { appendFileSync } from "node:fs";

const everyMs = 10;
/** Below it nothing is written down. */
const worthMs = 50;

const file = process.env["WATCH_STALLS"];
if (file !== undefined) {
  let at = performance.now();
  let used = process.cpuUsage();
  setInterval(() => {
    const lateMs = performance.now() - at - everyMs;
    if (lateMs > worthMs) {
      const { user, system } = process.cpuUsage(used);
      appendFileSync(file, `${JSON.stringify({ lateMs, busyMs: Math.min(lateMs, (user + system) / 1_000) })}\n`);
    }
    at = performance.now();
    used = process.cpuUsage();
  }, everyMs).unref();
}
