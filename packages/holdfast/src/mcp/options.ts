import { hostname } from "node:os";
import type { McpServerOptions } from "@modelcontextprotocol/server";
import { HoldfastError } from "../record/errors.ts";
import { refuseUnknownNames } from "../record/option-names.ts";
import type { Authenticate } from "../security/authenticate.ts";
import { type RequestStateKey, sealingKey } from "../security/request-state.ts";
import { durationMs } from "../state/duration.ts";
import { serveDefaults } from "./defaults.ts";
import { type Purposes, resolvePurposes } from "./step-up/purposes.ts";
import type { ToolScopes } from "./tool-scopes.ts";
import type { TurnPolicy } from "./tools/turn.ts";
import type { ServeLimits, ServeOptions, TurnOptions } from "./types.ts";

/** Those that may be left without a limit. */
const unlimitable: ReadonlySet<string> = new Set([
  "maxMemoryBytes",
  "maxCallsPerMinute",
  "maxCallsPerMinutePerConnection",
]);

/** `ServeOptions` with every question answered. */
export type ResolvedServeOptions = {
  readonly authenticate: Authenticate | undefined;
  readonly toolScopes: ToolScopes;
  readonly stepUp: Purposes;
  readonly allowedHosts: readonly string[] | "any" | undefined;
  readonly allowedOrigins: readonly string[] | "any" | undefined;
  readonly server: McpServerOptions | undefined;
  readonly requestState: {
    readonly keys: readonly RequestStateKey[] | undefined;
    readonly ttlMs: number;
    readonly singleUse: boolean;
  };
  readonly listedKinds: ReadonlySet<string>;
  readonly stateless: boolean;
  readonly response: "auto" | "json" | "sse";
  /** Undefined where no turns are kept. */
  readonly turns: TurnPolicy | undefined;
  readonly httpSse: { readonly messages: string };
  readonly limits: ServeLimits;
  /** Never throws. */
  readonly onError: (error: unknown) => void;
};

const optionNames: Readonly<Record<keyof ServeOptions, true>> = {
  authenticate: true,
  toolScopes: true,
  stepUp: true,
  allowedHosts: true,
  allowedOrigins: true,
  listedKinds: true,
  stateless: true,
  response: true,
  recordTurns: true,
  node: true,
  httpSse: true,
  requestState: true,
  server: true,
  limits: true,
  onError: true,
};

/** Throws `INVALID_ARGUMENT`, naming the option and what it may be. */
export function resolveServeOptions(options: ServeOptions): ResolvedServeOptions {
  refuseUnknownNames("serve", options, Object.keys(optionNames));
  const { response = "auto", onError } = options;
  if (!["auto", "json", "sse"].includes(response)) {
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      `serve: response is "auto", "json" or "sse", not "${response as string}"`,
    );
  }
  return {
    authenticate: options.authenticate,
    toolScopes: resolveToolScopes(options.toolScopes ?? {}),
    stepUp: resolvePurposes(options.stepUp ?? {}),
    allowedHosts: options.allowedHosts,
    allowedOrigins: options.allowedOrigins,
    server: options.server,
    requestState: resolveRequestState(options.requestState ?? {}),
    listedKinds: resolveListedKinds(options.listedKinds ?? []),
    stateless: options.stateless ?? false,
    response,
    turns: resolveTurns(options),
    httpSse: { messages: options.httpSse?.messages ?? "/messages" },
    limits: resolveLimits(options.limits ?? {}),
    onError: (error) => {
      try {
        onError?.(error);
      } catch {
        // An error handler that fails has nobody left to tell.
      }
    },
  };
}

function resolveToolScopes(given: Readonly<Record<string, readonly string[]>>): ToolScopes {
  for (const [tool, scopes] of Object.entries(given)) {
    // What RFC 6749 lets a scope be: it has to fit into a header.
    const listed: readonly unknown[] = Array.isArray(scopes) ? scopes : [undefined];
    if (listed.every((scope) => typeof scope === "string" && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope))) continue;
    throw wrong(`toolScopes.${tool} is a list of scopes, without spaces and quotes`);
  }
  return new Map(Object.entries(given));
}

function resolveListedKinds(given: readonly string[]): ReadonlySet<string> {
  if (!Array.isArray(given) || !given.every((kind) => typeof kind === "string")) {
    throw wrong("listedKinds is a list of names of kinds");
  }
  return new Set(given);
}

function resolveTurns({
  recordTurns = true,
  node = `${hostname()}:${process.pid}`,
}: ServeOptions): TurnPolicy | undefined {
  if (typeof node !== "string" || node.length < 1 || node.length > 128) throw wrong("node has 1 to 128 characters");
  if (recordTurns === false) return undefined;
  const given: TurnOptions = recordTurns === true ? {} : recordTurns;
  if (typeof given !== "object" || given === null)
    throw wrong("recordTurns is true, false, or { except, redact, session }");
  refuseUnknownNames("serve: recordTurns", given, ["except", "redact", "session"]);
  const { except = [], redact, session } = given;
  if (!Array.isArray(except) || !except.every((tool) => typeof tool === "string")) {
    throw wrong("recordTurns.except is a list of tools");
  }
  if (redact !== undefined && typeof redact !== "function") throw wrong("recordTurns.redact is a function of a turn");
  if (session !== undefined && (typeof session !== "string" || session === "")) {
    throw wrong("recordTurns.session is the name of an argument");
  }
  return { node, except: new Set(except), redact, session };
}

function wrong(what: string): HoldfastError {
  return new HoldfastError("INVALID_ARGUMENT", `serve: ${what}`);
}

function resolveRequestState(given: NonNullable<ServeOptions["requestState"]>): ResolvedServeOptions["requestState"] {
  refuseUnknownNames("serve: requestState", given, ["keys", "ttl", "singleUse"]);
  const { keys, ttl = "10m", singleUse = false } = given;
  if (keys?.length === 0) throw new HoldfastError("INVALID_ARGUMENT", "serve: requestState.keys has no key");
  keys?.forEach(sealingKey);
  return { keys, ttlMs: durationMs(ttl, "serve: requestState.ttl"), singleUse };
}

function resolveLimits(given: Partial<ServeLimits>): ServeLimits {
  refuseUnknownNames("serve: limits", given, Object.keys(serveDefaults));
  for (const [name, value] of Object.entries(given)) {
    if (value === Number.POSITIVE_INFINITY && unlimitable.has(name)) continue;
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 1)) {
      throw new HoldfastError(
        "INVALID_ARGUMENT",
        `serve: limits.${name} is a whole number from 1, not ${String(value)}`,
      );
    }
  }
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...serveDefaults, ...Object.fromEntries(named) };
}
