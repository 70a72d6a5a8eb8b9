import type { App, Hold } from "holdfast";
import type { ChosenAuthentication } from "../auth/choose.ts";
import type { Kinds } from "../kinds.ts";
import type { LastResort } from "../lifecycle/last-resort.ts";
import type { Log } from "../log/logger.ts";
import type { Settings } from "../settings/table.ts";
import type { ServerTelemetry } from "../telemetry/open.ts";

/** What serving needs, whichever way in: made once, closed by `serve`. */
export type Running = {
  readonly settings: Settings;
  readonly hold: Hold<Kinds>;
  readonly app: App;
  readonly log: Log;
  readonly lastResort: LastResort;
  readonly metadata: ChosenAuthentication["metadata"];
  /** Says that it listens, and where. */
  readonly announce: (url: string) => void;
  readonly metricsPage: ServerTelemetry["page"];
};

/** For closing what is left when a drain is over: buffers, streams, the store. */
export const closingMs = 5_000;
