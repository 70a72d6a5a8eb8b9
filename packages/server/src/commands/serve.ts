import { randomBytes } from "node:crypto";
import {
  type App,
  type Hold,
  type HoldWarning,
  holdfast,
  type SealingOptions,
  type ServeOptions,
  serve as serveMcp,
  type TelemetryOptions,
} from "holdfast";
import { chooseAuthentication } from "../auth/choose.ts";
import { isLoopback } from "../auth/loopback.ts";
import type { Output } from "../cli/output.ts";
import { usage } from "../cli/usage.ts";
import { messagesPath } from "../http/routes.ts";
import { type Kinds, kindsFor } from "../kinds.ts";
import { logCrashes } from "../lifecycle/crash.ts";
import { LastResort } from "../lifecycle/last-resort.ts";
import { createLog, type Log } from "../log/logger.ts";
import { logStateChanges } from "../log/state-changes.ts";
import { logWarning } from "../log/warnings.ts";
import { type ServingNode, servingNode } from "../node.ts";
import { registerChannelResource } from "../resources/channel.ts";
import { registerSessionResource } from "../resources/session.ts";
import { registerWorkflowResource } from "../resources/workflow.ts";
import { chooseSealing } from "../sealing/choose.ts";
import type { Resolved } from "../settings/resolve.ts";
import type { Settings, Table } from "../settings/table.ts";
import { openTelemetry } from "../telemetry/open.ts";
import { registerTools } from "../tools/define.ts";
import { tools } from "../tools/registry.ts";
import { withoutSensitive } from "../tools/sensitive-turns.ts";
import { packageVersion } from "../version.ts";
import { announceListening, announceStart, startFacts } from "./announce.ts";
import { cannotOpen } from "./open-store.ts";
import { serveHttp } from "./serve-http.ts";
import { serveStdio } from "./serve-stdio.ts";

/** Serves until it is told to stop. Throws a `HoldfastError` if it cannot begin. */
export async function serve(table: Table, resolved: Resolved, out: Output): Promise<void> {
  const { settings } = resolved;
  if (out.json && settings.stdio) {
    throw usage(
      "--json tells on stdout where it listens, and with --stdio that is the client's: leave one of them out",
    );
  }
  const authentication = await chooseAuthentication(settings);
  const name = settings.nodeName ?? `node-${randomBytes(4).toString("hex")}`;
  const log = createLog(settings.logLevel, name);
  using _crashes = logCrashes(log);
  await using telemetry = await openTelemetry({ node: name, version: packageVersion(), tracesUrl: settings.traces });
  // Before the hold, so that it watches over the hold's closing too.
  using lastResort = new LastResort(log);
  const sealing = await chooseSealing(settings);
  await using hold = await openHold(settings, log, { sealing: sealing.options, telemetry: telemetry.options });
  const { authenticate, metadata } = authentication;
  const { hasKeys: hasSealingKeys } = sealing;
  const app = createApp({ table, resolved, name, hold, log, authenticate, hasSealingKeys });
  const served = { settings, hold, app, log, lastResort, metadata, metricsPage: telemetry.page };
  try {
    const facts = await startFacts(name, hold, settings, authentication, sealing);
    announceStart(facts);
    const announce = (url: string): void => announceListening(url, settings, facts, out);
    const running = { ...served, announce };
    await (settings.stdio ? serveStdio(running) : serveHttp(running));
  } finally {
    await app.close();
  }
}

type HoldParts = { readonly sealing: SealingOptions; readonly telemetry: TelemetryOptions };

async function openHold(settings: Settings, log: Log, { sealing, telemetry }: HoldParts): Promise<Hold<Kinds>> {
  const options = {
    store: settings.store,
    kinds: kindsFor(settings),
    sealing,
    limits: {
      maxSessions: settings.maxSessions,
      maxRecords: settings.maxRecords,
      maxBytes: settings.maxBytes,
      maxSessionBytes: settings.maxDocument,
      maxActionBytes: settings.maxEvent,
      maxActionsKept: settings.maxActions,
      maxMessagesKept: settings.maxChannelMessages,
      maxTurnsKept: settings.maxTurns,
    },
    sessions: { idle: settings.sessionIdle, absolute: settings.sessionAbsolute },
    telemetry,
    onStateChange: logStateChanges(log),
    onWarning: (warning: HoldWarning) => logWarning(log, warning),
    onError: (err: unknown) => log.error({ err }, "the store's background work failed"),
  };
  try {
    return await holdfast(options);
  } catch (error) {
    throw cannotOpen(settings.store, error);
  }
}

type AppParts = {
  readonly table: Table;
  readonly resolved: Resolved;
  readonly name: string;
  readonly hold: Hold<Kinds>;
  readonly log: Log;
  readonly authenticate: ServeOptions["authenticate"];
  readonly hasSealingKeys: boolean;
};

function createApp({ table, resolved, name, hold, log, authenticate, hasSealingKeys }: AppParts): App {
  const version = packageVersion();
  const node: ServingNode = servingNode({ name, version, hold, app: () => app, table, resolved, hasSealingKeys });
  const app: App = serveMcp(
    hold,
    { name: "holdfast", title: "Holdfast", version, instructions },
    (server, context) => {
      registerTools(server, tools, context, node);
      registerSessionResource(server, context);
      registerWorkflowResource(server, context);
      registerChannelResource(server, context);
    },
    {
      ...serveOptions(resolved.settings),
      node: name,
      ...(authenticate && { authenticate }),
      onError: (err) => log.error({ err }, "a request failed"),
    },
  );
  return app;
}

const instructions =
  "Keeps sessions for you: actions, data, preferences and counters that survive restarts; and workflows that several agents drive. " +
  "Call get_context first when you come back to a session, and create_session where the connection has none of its own.";

function serveOptions(settings: Settings): ServeOptions {
  const allowedHosts = settings.allowedHosts ?? defaultHosts(settings.host);
  return {
    allowedHosts: anyOr(allowedHosts),
    ...(settings.allowedOrigins !== undefined && { allowedOrigins: anyOr(settings.allowedOrigins) }),
    listedKinds: ["session", "workflow"],
    stateless: settings.stateless,
    httpSse: { messages: messagesPath },
    response: settings.response,
    recordTurns: settings.recordTurns && { redact: withoutSensitive },
    limits: {
      maxBodyBytes: settings.maxBody,
      maxConnections: settings.maxConnections,
      maxRequestsInFlight: settings.maxRequestsInFlight,
      maxRequestsInFlightPerPrincipal: settings.maxRequestsInFlightPerPrincipal,
      maxBodyBytesInFlight: settings.maxBodiesInFlight,
      maxStreams: settings.maxStreams,
      maxStreamsPerPrincipal: settings.maxStreamsPerPrincipal,
      maxSessionsInUse: settings.maxSessionsInUse,
      maxWarmInstances: settings.maxWarmSessions,
      maxMissedIdsPerMinute: settings.maxMissedIdsPerMinute,
      ...(settings.maxMemory !== undefined && { maxMemoryBytes: settings.maxMemory }),
      ...(settings.maxCallsPerMinute !== undefined && { maxCallsPerMinute: settings.maxCallsPerMinute }),
      ...(settings.maxCallsPerMinutePerConnection !== undefined && {
        maxCallsPerMinutePerConnection: settings.maxCallsPerMinutePerConnection,
      }),
    },
  };
}

/**
 * On loopback a hostile page could reach us through a name of its own that resolves here, so only our names count.
 * Elsewhere every caller brings a token, which such a page has not, and the names people use for us are unknown.
 */
function defaultHosts(host: string): readonly string[] {
  return isLoopback(host) ? ["localhost", "127.0.0.1", "[::1]", host] : ["any"];
}

function anyOr(names: readonly string[]): readonly string[] | "any" {
  return names.includes("any") ? "any" : names;
}
