/** Settings that work and weaken: each is allowed, and somebody should have meant it. `docs/security.md` lists them. */
import { existsSync, statSync } from "node:fs";
import { isLoopback } from "../../auth/loopback.ts";
import { flagName } from "../../settings/names.ts";
import type { Resolved } from "../../settings/resolve.ts";
import { fileFlag } from "../../settings/secret-files.ts";
import { keysOf, type SettingKey, type Settings, type Table } from "../../settings/table.ts";
import { holdsPassword } from "../../settings/without-password.ts";
import { type Finding, warning } from "./check.ts";

export type Weakness = {
  /** The setting that is looked at. */
  readonly setting: SettingKey;
  readonly seen: string;
  readonly remedy: string;
  readonly isThere: (resolved: Resolved, table: Table) => boolean;
};

/** Shorter ones may be found by trying. */
const shortToken = 16;
const longToleranceMs = 120_000;
const manyMissedIds = 1_000;

const isPublic = ({ settings }: Resolved): boolean => !settings.stdio && !isLoopback(settings.host);
const servesHttp = ({ settings }: Resolved): boolean => !settings.stdio;

/** No text here repeats a value: it may be a secret, or hold one. */
export const weaknesses: readonly Weakness[] = [
  {
    setting: "host",
    seen: "bearer tokens travel in the clear on this address",
    remedy: "put TLS in front, and let only that reach it",
    isThere: isPublic,
  },
  {
    setting: "allowedHosts",
    seen: "any host name is taken, so a web page may reach this server through a name of its own (DNS rebinding)",
    remedy: "name the hosts that clients use",
    isThere: (resolved) => servesHttp(resolved) && isAny(resolved.settings.allowedHosts),
  },
  {
    setting: "allowedOrigins",
    seen: "pages of any origin may call",
    remedy: "name the origins of your pages; clients that are no pages need none",
    isThere: (resolved) => servesHttp(resolved) && isAny(resolved.settings.allowedOrigins),
  },
  {
    setting: "authTokens",
    seen: "tokens of a file neither expire nor rotate, and this address is reachable from elsewhere",
    remedy: "use --auth-jwks where more than a few people call",
    isThere: (resolved) => isPublic(resolved) && resolved.settings.authTokens !== undefined,
  },
  {
    setting: "authClockTolerance",
    seen: "an expired token is taken for longer than two minutes",
    remedy: "set the clocks right and leave this at 30s",
    isThere: ({ settings }) => settings.authJwks !== undefined && settings.authClockTolerance > longToleranceMs,
  },
  {
    setting: "publicUrl",
    seen: "clients are told an address without TLS, where their tokens can be read",
    remedy: "give the https address",
    isThere: ({ settings }) => isPlainHttp(settings.publicUrl),
  },
  {
    setting: "maxCallsPerMinute",
    seen: "how often one principal calls is not limited, and this address is reachable from elsewhere",
    remedy: "give --max-calls-per-minute",
    isThere: (resolved) => isPublic(resolved) && resolved.settings.maxCallsPerMinute === undefined,
  },
  {
    setting: "maxMissedIdsPerMinute",
    seen: "so many wrong ids a minute are answered that guessing is hardly slowed down",
    remedy: "leave it at its default",
    isThere: ({ settings }) => settings.maxMissedIdsPerMinute > manyMissedIds,
  },
  {
    setting: "sealKeys",
    seen: "nothing is sealed in a store that other machines reach; sensitive data is refused",
    remedy: "give --seal-keys, the same on every node",
    isThere: ({ settings }) => settings.sealKeys === undefined && isServer(settings.store),
  },
  {
    setting: "sealKeys",
    seen: "others on this machine can read the file with the sealing keys",
    remedy: "chmod 600 it",
    isThere: ({ settings }) => isReadableByOthers(settings.sealKeys),
  },
  {
    setting: "sealAcceptUnsealed",
    seen: "what was put into the store in plain text is taken for what was sealed",
    remedy: "take it away once holdfast reseal has nothing left to do",
    isThere: ({ settings }) => settings.sealKeys !== undefined && settings.sealAcceptUnsealed,
  },
  {
    setting: "metricsToken",
    seen: "the token is under 16 characters and can be guessed",
    remedy: "take 32 random characters",
    isThere: ({ settings }) => settings.metricsToken !== undefined && settings.metricsToken.length < shortToken,
  },
  {
    setting: "store",
    seen: "the way to the database is not encrypted, and leads to another machine",
    remedy: "use rediss://, or postgres://…?sslmode=verify-full; or keep it on a network of its own",
    isThere: ({ settings }) => serversOf(settings.store).some((url) => !isLoopback(url.hostname) && !isEncrypted(url)),
  },
  {
    setting: "store",
    seen: "the database is on another machine and asks for no password",
    remedy:
      "give it one, and put it into the URL of --store-file, of the environment variable or of the file of --config",
    isThere: ({ settings }) =>
      serversOf(settings.store).some((url) => !isLoopback(url.hostname) && url.password === ""),
  },
  {
    setting: "traces",
    seen: "traces go to another machine in the clear",
    remedy: "give an https address",
    isThere: ({ settings }) => isPlainHttp(settings.traces),
  },
  {
    setting: "logLevel",
    seen: "warnings and alarms, such as those of sealing, are not logged",
    remedy: "use error or a level below it",
    isThere: ({ settings }) => settings.logLevel === "silent" || settings.logLevel === "fatal",
  },
  {
    setting: "config",
    seen: "others on this machine can read the file of settings, which holds a secret",
    remedy: "chmod 600 it",
    isThere: (resolved, table) => {
      const holdsSecret = keysOf(table).some(
        (key) => resolved.sources[key] === "file" && isGivenSecret(resolved, table, key),
      );
      return holdsSecret && isReadableByOthers(resolved.settings.config);
    },
  },
];

export function weakSettings(table: Table, resolved: Resolved): readonly Finding[] {
  const found = weaknesses.filter(({ isThere }) => isThere(resolved, table));
  const onCommandLine = keysOf(table).filter(
    (key) => resolved.sources[key] === "flag" && isGivenSecret(resolved, table, key),
  );
  const inOpenFiles = [...resolved.heldIn].filter(
    // Files of keys are looked at above, however they were named.
    ([key, path]) => table[key].inFile === "text" && isReadableByOthers(path),
  );
  return [
    ...found.map(({ setting, seen, remedy }) => warning(`--${flagName(setting)}`, seen, remedy)),
    ...onCommandLine.map((key) =>
      warning(
        `--${flagName(key)}`,
        "a secret on the command line is shown to everybody on this machine who lists processes",
        `put it into a file of its own (--${fileFlag(flagName(key))}), its environment variable, or the file of --config`,
      ),
    ),
    ...inOpenFiles.map(([key]) =>
      warning(
        `--${fileFlag(flagName(key))}`,
        "others on this machine can read the file with the secret",
        "chmod 600 it",
      ),
    ),
  ];
}

/** Whether what was given is a secret or holds one; the name of a file with secrets is none. */
function isGivenSecret({ settings, heldIn }: Resolved, table: Table, key: SettingKey): boolean {
  if (heldIn.has(key)) return false;
  if (key === "store" || key === "traces") return holdsPassword(settings[key] ?? "");
  if (key === "sealKeys") return settings.sealKeys?.trimStart().startsWith("{") === true;
  return table[key].secret === true && settings[key] !== undefined;
}

function isAny(names: Settings["allowedHosts"]): boolean {
  return names?.includes("any") === true;
}

function isPlainHttp(url: string | undefined): boolean {
  const parsed = url === undefined ? undefined : parsedUrl(url);
  return parsed?.protocol === "http:" && !isLoopback(parsed.hostname);
}

function isReadableByOthers(path: string | undefined): boolean {
  if (path === undefined || process.platform === "win32" || !existsSync(path)) return false;
  return (statSync(path).mode & 0o004) !== 0;
}

function isServer(store: string): boolean {
  return !store.startsWith("sqlite:") && !store.startsWith("memory:");
}

/** The servers that a store's URL names; of a list of hosts the first. */
function serversOf(store: string): readonly URL[] {
  if (!isServer(store)) return [];
  return store
    .replace(/^tiered:/, "")
    .split(/,(?=[a-z+]+:\/\/)/)
    .flatMap((url) => parsedUrl(url.replace(/,[^/@]*/, "")) ?? []);
}

function isEncrypted(url: URL): boolean {
  if (url.protocol.startsWith("rediss")) return true;
  const mode = url.searchParams.get("sslmode");
  return mode !== null && ["require", "verify-ca", "verify-full"].includes(mode);
}

function parsedUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}
