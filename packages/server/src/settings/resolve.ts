import { HoldfastError } from "holdfast/contract";

import { isServiceLink } from "./kubernetes.ts";
import { environmentName, environmentPrefix, flagName, suggestion } from "./names.ts";
import { keysOf, type SettingKey, type Settings, type Table } from "./table.ts";

/** Where a value came from. Earlier wins. */
export type Source = "flag" | "environment" | "file" | "default";

export type Resolved = {
  readonly settings: Settings;
  readonly sources: Readonly<Record<SettingKey, Source>>;
  /** Text that environment or file have for flags of commands, by flag name. */
  readonly own: ReadonlyMap<string, string>;
};

export type Given = {
  /** Text by flag name, without the dashes. */
  readonly flags: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads the configuration file; called only if one is named. */
  readonly readFile: (path: string) => string;
  /** Names of the flags that commands have of their own: they may stand wherever settings may. */
  readonly ownFlags?: readonly string[];
};

type Found = { readonly text: string; readonly source: Source; readonly calledAs: string };

/** Flag over environment over file over default. Throws `CONFIGURATION` naming the setting, the value and the remedy. */
export function resolveSettings(table: Table, given: Given): Resolved {
  const keys = keysOf(table);
  const flags = fromFlags(keys, given.flags);
  const { ownFlags = [] } = given;
  const own = new Map<string, string>();
  const environment = fromEnvironment(keys, given.env, { ownFlags, own });
  const configPath = (flags.get("config") ?? environment.get("config"))?.text;
  const file =
    configPath === undefined
      ? new Map<SettingKey, Found>()
      : fromFile(keys, configPath, given.readFile, { ownFlags, own });

  const settings: Partial<Record<SettingKey, unknown>> = {};
  const sources: Partial<Record<SettingKey, Source>> = {};
  for (const key of keys) {
    const found = flags.get(key) ?? environment.get(key) ?? file.get(key);
    settings[key] = found === undefined ? table[key].default : readFound(table, key, found);
    sources[key] = found?.source ?? "default";
  }
  // Each key was just filled by its own row, whose type the table ties to the setting.
  return checkTogether({ settings, sources, own } as Resolved);
}

function readFound(table: Table, key: SettingKey, found: Found): unknown {
  try {
    return table[key].read(found.text);
  } catch (error) {
    const wanted = error instanceof Error ? error.message : String(error);
    const shown = table[key].secret === true ? "its value" : JSON.stringify(found.text);
    throw wrong(`${found.calledAs} has to be ${wanted}, and ${shown} is not`);
  }
}

function fromFlags(keys: readonly SettingKey[], flags: ReadonlyMap<string, string>): Map<SettingKey, Found> {
  const found = new Map<SettingKey, Found>();
  for (const [name, text] of flags) {
    const key = keys.find((each) => flagName(each) === name);
    if (key === undefined) throw wrong(`unknown flag --${name}${suggestion(name, keys.map(flagName), "--")}`);
    found.set(key, { text, source: "flag", calledAs: `--${name}` });
  }
  return found;
}

/** Flags of commands, and what was found for them. */
type Own = { readonly ownFlags: readonly string[]; readonly own: Map<string, string> };

function fromEnvironment(
  keys: readonly SettingKey[],
  env: Given["env"],
  { ownFlags, own }: Own,
): Map<SettingKey, Found> {
  const found = new Map<SettingKey, Found>();
  const names = keys.map(environmentName);
  for (const [name, text] of Object.entries(env)) {
    // An empty variable is how shells and container files say "not set".
    if (!name.startsWith(environmentPrefix) || text === undefined || text === "") continue;
    if (isServiceLink(name, text)) continue;
    const key = keys[names.indexOf(name)];
    const flag = ownFlags.find((each) => environmentName(each) === name);
    if (key === undefined && flag !== undefined) {
      own.set(flag, text);
      continue;
    }
    if (key === undefined) throw wrong(`unknown environment variable ${name}${suggestion(name, names)}`);
    found.set(key, { text, source: "environment", calledAs: name });
  }
  return found;
}

function fromFile(
  keys: readonly SettingKey[],
  path: string,
  readFile: Given["readFile"],
  { ownFlags, own }: Own,
): Map<SettingKey, Found> {
  const found = new Map<SettingKey, Found>();
  for (const [name, value] of Object.entries(parseFile(path, readFile))) {
    const plain = spellingless(name);
    const key = keys.find((each) => spellingless(each) === plain);
    if (key === "config") throw wrong(`"config" cannot stand in ${path}: a configuration file names no other`);
    const flag = ownFlags.find((each) => spellingless(each) === plain);
    if (key === undefined && flag !== undefined) {
      // The environment goes first.
      if (!own.has(flag)) own.set(flag, textOf(value, name, path));
      continue;
    }
    if (key === undefined) {
      throw wrong(`unknown setting "${name}" in ${path}${suggestion(name, keys.map(flagName))}`);
    }
    if (found.has(key)) throw wrong(`"${flagName(key)}" stands twice in ${path}, in different spellings`);
    found.set(key, { text: textOf(value, name, path), source: "file", calledAs: `"${name}" in ${path}` });
  }
  return found;
}

/** `max-sessions`, `max_sessions` and `maxSessions` are the same name in a file. */
function spellingless(name: string): string {
  return name.replaceAll(/[-_]/g, "").toLowerCase();
}

function parseFile(path: string, readFile: Given["readFile"]): object {
  let content: string;
  try {
    content = readFile(path);
  } catch (error) {
    throw wrong(`the configuration file ${path} cannot be read: ${reasonOf(error)}`, error);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(content);
  } catch (error) {
    // The parser's own message quotes the file, where secrets may stand.
    throw wrong(`the configuration file ${path} is not valid JSON`, error);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw wrong(`the configuration file ${path} has to hold one JSON object of settings`);
  }
  return parsed;
}

function textOf(value: unknown, name: string, path: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value.join(",");
  throw wrong(`"${name}" in ${path} has to be a text, a number, true, false or a list of texts`);
}

/** What no row can say alone. */
function checkTogether(resolved: Resolved): Resolved {
  const { settings, sources } = resolved;
  if (!/^\/[^?#\s]*$/.test(settings.path)) {
    throw wrong(
      `--path has to begin with a slash and hold no space, ? or #, and ${JSON.stringify(settings.path)} does not`,
    );
  }
  if (settings.path === "/healthz" || settings.path === "/readyz") {
    throw wrong(`--path ${settings.path} is taken: choose another, such as /mcp`);
  }
  if (settings.sessionIdle > settings.sessionAbsolute) {
    throw wrong("--session-idle is longer than --session-absolute: raise the latter or lower the former");
  }
  // Its value may hold a password, and is not said.
  if (settings.traces !== undefined && !isHttpUrl(settings.traces)) {
    throw wrong("--traces has to be an http or https URL, such as http://127.0.0.1:4318/v1/traces");
  }
  return { ...resolved, settings: { ...settings, auth: authentication(settings, sources) } };
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** How callers prove who they are follows from what is given for it. */
function authentication(settings: Settings, sources: Resolved["sources"]): Settings["auth"] {
  const ways = { tokens: settings.authTokens !== undefined, oauth: settings.authJwks !== undefined };
  if (settings.publicAnonymous && (ways.tokens || ways.oauth)) {
    throw wrong(
      `--public-anonymous and --auth-${ways.tokens ? "tokens" : "jwks"} contradict each other: give one of them`,
    );
  }
  if (ways.tokens && ways.oauth) {
    throw wrong("--auth-tokens and --auth-jwks contradict each other: give one of them");
  }
  const given = ways.tokens ? "tokens" : ways.oauth ? "oauth" : "none";
  const { auth } = settings;
  if (sources.auth !== "default" && auth !== given) {
    if (auth === "tokens") throw wrong("--auth tokens needs --auth-tokens FILE");
    if (auth === "oauth") throw wrong("--auth oauth needs --auth-jwks URL or FILE, --auth-issuer and --auth-audience");
    throw wrong(`--auth none and --auth-${ways.tokens ? "tokens" : "jwks"} contradict each other: give one of them`);
  }
  if (!ways.oauth) refuseAlone(settings);
  else if (settings.authIssuer === undefined || settings.authAudience === undefined) {
    throw wrong("--auth-jwks needs --auth-issuer URL and --auth-audience NAME: whose tokens, and which of them");
  }
  return given;
}

/** Settings that do nothing would leave somebody believing that they protect something. */
function refuseAlone(settings: Settings): void {
  const alone = (["authIssuer", "authAudience", "authScopes", "authTenantClaim"] as const).find(
    (key) => settings[key] !== undefined,
  );
  if (alone !== undefined) throw wrong(`--${flagName(alone)} does nothing without --auth-jwks URL or FILE`);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function wrong(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("CONFIGURATION", message, cause === undefined ? {} : { cause });
}
