/**
 * The one table of settings. A row here is a flag (`--max-sessions`), an environment variable (`HOLDFAST_MAX_SESSIONS`),
 * a name in the configuration file, a line of `--help` and an entry of `get_server_config`.
 */
import { defaultDatabasePath, type Surroundings } from "./data-dir.ts";
import { type LimitSettings, limitRows } from "./limits.ts";
import { choice, duration, flag, integer, list, optionalText, type Row, text } from "./row.ts";

/** Durations are milliseconds, sizes are bytes. */
export type Settings = LimitSettings & {
  readonly stdio: boolean;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly sse: boolean;
  readonly allowedHosts: readonly string[] | undefined;
  readonly allowedOrigins: readonly string[] | undefined;
  readonly auth: "none" | "tokens" | "oauth";
  readonly authTokens: string | undefined;
  readonly authJwks: string | undefined;
  readonly authIssuer: string | undefined;
  readonly authAudience: readonly string[] | undefined;
  readonly authScopes: readonly string[] | undefined;
  readonly authTenantClaim: string | undefined;
  readonly authClockTolerance: number;
  readonly publicAnonymous: boolean;
  readonly publicUrl: string | undefined;
  readonly stateless: boolean;
  readonly response: "auto" | "json" | "sse";
  readonly recordTurns: boolean;
  readonly store: string;
  readonly sealKeys: string | undefined;
  readonly sealAcceptUnsealed: boolean;
  readonly nodeName: string | undefined;
  readonly drainTimeout: number;
  readonly metricsToken: string | undefined;
  readonly traces: string | undefined;
  readonly logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "trace" | "silent";
  readonly config: string | undefined;
};

export type SettingKey = keyof Settings;
export type Table = { readonly [Key in SettingKey]: Row<Settings[Key]> };

const second = 1_000;

const where = "Where it listens";
const who = "Who may call";
const how = "How it answers";
const node = "This process";

export function createTable(around: Surroundings): Table {
  return {
    stdio: flag({ default: false, group: where, help: "Serve stdin and stdout instead of HTTP" }),
    host: text({ default: "127.0.0.1", placeholder: "HOST", group: where, help: "Address to bind" }),
    port: integer({ default: 3000, min: 0, max: 65_535, group: where, help: "Port; 0 picks a free one" }),
    path: text({ default: "/mcp", placeholder: "PATH", group: where, help: "Path of the MCP endpoint" }),
    sse: flag({
      default: false,
      group: where,
      help: "Also serve the deprecated HTTP+SSE transport at /sse and /messages",
    }),

    auth: choice({
      default: "none",
      choices: ["none", "tokens", "oauth"],
      placeholder: "HOW",
      group: who,
      help: "none (everyone is the local user; loopback only), tokens or oauth",
    }),
    authTokens: optionalText({
      placeholder: "FILE",
      group: who,
      help: "Bearer tokens as JSON: { TOKEN: { subject, clientId, scopes } }",
    }),
    authJwks: optionalText({
      placeholder: "URL|FILE",
      group: who,
      help: "Keys of an OAuth issuer, whose access tokens are taken",
    }),
    authIssuer: optionalText({ placeholder: "URL", group: who, brief: true, help: "The OAuth issuer" }),
    authAudience: list({
      placeholder: "NAMES",
      group: who,
      brief: true,
      help: "Audience that tokens need, or several, with commas",
    }),
    authScopes: list({
      placeholder: "NAMES",
      group: who,
      brief: true,
      help: "Scopes that every request needs, with commas",
    }),
    authTenantClaim: optionalText({
      placeholder: "CLAIM",
      group: who,
      brief: true,
      help: "Claim that names a user's tenant: part of who somebody is",
    }),
    authClockTolerance: duration({
      default: 30 * second,
      min: 0,
      max: 600 * second,
      group: who,
      brief: true,
      help: "How far the issuer's clock may be from ours",
    }),
    publicAnonymous: flag({
      default: false,
      group: who,
      help: "Serve anybody, anywhere: each handle is its own owner, and nothing is listed",
    }),
    publicUrl: optionalText({
      placeholder: "URL",
      group: who,
      help: "Where clients reach the MCP endpoint, for OAuth metadata",
    }),
    allowedHosts: list({ placeholder: "NAMES", group: who, help: "Host names requests may use, with commas, or any" }),
    allowedOrigins: list({
      placeholder: "URLS",
      group: who,
      help: "Origins of pages that may call, with commas, or any",
    }),

    stateless: flag({ default: false, group: how, help: "Clients of the 2025 revisions get no sessions" }),
    response: choice({
      default: "auto",
      choices: ["auto", "json", "sse"],
      placeholder: "FORM",
      group: how,
      help: "auto, json or sse",
    }),
    recordTurns: flag({ default: true, group: how, help: "Keep the newest tool calls of each session" }),

    ...limitRows,

    store: text({
      default: `sqlite:${defaultDatabasePath(around)}`,
      placeholder: "URL",
      group: node,
      help: "Where state lies",
      inFile: "text",
    }),
    sealKeys: optionalText({
      placeholder: "FILE|JSON",
      group: node,
      help: "Keys that seal everything stored: { current: ID, keys: { ID: BASE64 } }",
      secret: true,
      inFile: "name",
    }),
    sealAcceptUnsealed: flag({
      default: false,
      group: node,
      help: "Let through what was stored before it was sealed",
    }),
    nodeName: optionalText({ placeholder: "NAME", group: node, help: "This process in logs and statistics" }),
    drainTimeout: duration({
      default: 25 * second,
      min: 0,
      max: 3_600 * second,
      group: node,
      help: "How long calls may go on after a stop was asked for",
    }),
    metricsToken: optionalText({
      placeholder: "TOKEN",
      group: node,
      secret: true,
      inFile: "text",
      help: "Bearer token for /metrics; without one only this machine may read it",
    }),
    traces: optionalText({
      placeholder: "URL",
      group: node,
      inFile: "text",
      help: "OTLP/HTTP collector for traces, such as http://127.0.0.1:4318/v1/traces",
    }),
    logLevel: choice({
      default: "info",
      choices: ["fatal", "error", "warn", "info", "debug", "trace", "silent"],
      placeholder: "LEVEL",
      group: node,
      help: "silent, fatal, error, warn, info, debug or trace",
    }),
    config: optionalText({ placeholder: "FILE", group: node, help: "JSON file with any of these names" }),
  };
}

export function keysOf(table: Table): readonly SettingKey[] {
  // Every key of a table is a setting: its type says so.
  return Object.keys(table) as SettingKey[];
}
