import { resolve } from "node:path";
import { HoldfastError } from "holdfast/contract";

import { isServiceLink } from "./kubernetes.ts";
import { environmentName, environmentPrefix, flagName, suggestion } from "./names.ts";
import { fileFlag, textOfFile } from "./secret-files.ts";
import { keysOf, type SettingKey, type Settings, type Table } from "./table.ts";

/** Where a value came from. Earlier wins. */
export type Source = "flag" | "environment" | "file" | "default";

export type Resolved = {
  readonly settings: Settings;
  readonly sources: Readonly<Record<SettingKey, Source>>;
  /** The files that values lie in, where those were named instead. */
  readonly heldIn: ReadonlyMap<SettingKey, string>;
  /** Text that environment or file have for flags of commands, by flag name. */
  readonly own: ReadonlyMap<string, string>;
};

export type Given = {
  /** Text by flag name, without the dashes. */
  readonly flags: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Reads the configuration file, and files that hold a setting; called only if one is named. */
  readonly readFile: (path: string) => string;
  /** Names of the flags that commands have of their own: they may stand wherever settings may. */
  readonly ownFlags?: readonly string[];
};

/** What a setting is called, or the file that holds it. */
type Name = { readonly key: SettingKey; readonly flag: string; readonly ofFile: boolean };
type Found = {
  /** The value, or the name of the file that it lies in. */
  readonly text: string;
  readonly ofFile: boolean;
  readonly source: Source;
  readonly calledAs: string;
};

/** Flag over environment over file over default. Throws `CONFIGURATION` naming the setting, the value and the remedy. */
export function resolveSettings(table: Table, given: Given): Resolved {
  const keys = keysOf(table);
  const names = namesOf(table);
  const flags = fromFlags(names, given.flags);
  const { ownFlags = [] } = given;
  const own = new Map<string, string>();
  const environment = fromEnvironment(names, given.env, { ownFlags, own });
  const configPath = (flags.get("config") ?? environment.get("config"))?.text;
  const file =
    configPath === undefined
      ? new Map<SettingKey, Found>()
      : fromFile(names, configPath, given.readFile, { ownFlags, own });

  const settings: Partial<Record<SettingKey, unknown>> = {};
  const sources: Partial<Record<SettingKey, Source>> = {};
  const heldIn = new Map<SettingKey, string>();
  for (const key of keys) {
    const found = flags.get(key) ?? environment.get(key) ?? file.get(key);
    settings[key] = found === undefined ? table[key].default : readFound(table, key, found, given.readFile);
    sources[key] = found?.source ?? "default";
    if (found?.ofFile === true) heldIn.set(key, found.text);
  }
  // Each key was just filled by its own row, whose type the table ties to the setting.
  return checkTogether({ settings, sources, heldIn, own } as Resolved);
}

function namesOf(table: Table): readonly Name[] {
  return keysOf(table).flatMap((key) => {
    const flag = flagName(key);
    const name = { key, flag, ofFile: false };
    return table[key].inFile === undefined ? [name] : [name, { key, flag: fileFlag(flag), ofFile: true }];
  });
}

/** Which of two was meant only their author knows. */
function keep(found: Map<SettingKey, Found>, { key, ofFile }: Name, given: Omit<Found, "ofFile">): void {
  const before = found.get(key);
  if (before !== undefined) {
    throw wrong(`${before.calledAs} and ${given.calledAs} contradict each other: give one of them`);
  }
  found.set(key, { ...given, ofFile });
}

/** As it was given, or as the file has it that was named. */
function textOfFound({ inFile }: Table[SettingKey], found: Found, readFile: Given["readFile"]): string {
  if (!found.ofFile) return found.text;
  // What is the name of a file in any case: whole, it can be taken for nothing else.
  return inFile === "name" ? resolve(found.text) : textOfFile(found.text, found.calledAs, readFile);
}

function readFound(table: Table, key: SettingKey, found: Found, readFile: Given["readFile"]): unknown {
  const text = textOfFound(table[key], found, readFile);
  try {
    return table[key].read(text);
  } catch (error) {
    const wanted = error instanceof Error ? error.message : String(error);
    const shown = table[key].inFile !== undefined ? "its value" : JSON.stringify(found.text);
    throw wrong(`${found.calledAs} has to be ${wanted}, and ${shown} is not`);
  }
}

function fromFlags(names: readonly Name[], flags: ReadonlyMap<string, string>): Map<SettingKey, Found> {
  const found = new Map<SettingKey, Found>();
  for (const [given, text] of flags) {
    const name = names.find(({ flag }) => flag === given);
    if (name === undefined) throw wrong(`unknown flag --${given}${suggestion(given, flagsOf(names), "--")}`);
    keep(found, name, { text, source: "flag", calledAs: `--${given}` });
  }
  return found;
}

/** Flags of commands, and what was found for them. */
type Own = { readonly ownFlags: readonly string[]; readonly own: Map<string, string> };

function fromEnvironment(names: readonly Name[], env: Given["env"], { ownFlags, own }: Own): Map<SettingKey, Found> {
  const found = new Map<SettingKey, Found>();
  const variables = names.map(({ flag }) => environmentName(flag));
  for (const [variable, text] of Object.entries(env)) {
    // An empty variable is how shells and container files say "not set".
    if (!variable.startsWith(environmentPrefix) || text === undefined || text === "") continue;
    if (isServiceLink(variable, text)) continue;
    const name = names[variables.indexOf(variable)];
    const flag = ownFlags.find((each) => environmentName(each) === variable);
    if (name === undefined && flag !== undefined) {
      own.set(flag, text);
      continue;
    }
    if (name === undefined) throw wrong(`unknown environment variable ${variable}${suggestion(variable, variables)}`);
    keep(found, name, { text, source: "environment", calledAs: variable });
  }
  return found;
}

function fromFile(
  names: readonly Name[],
  path: string,
  readFile: Given["readFile"],
  { ownFlags, own }: Own,
): Map<SettingKey, Found> {
  const found = new Map<SettingKey, Found>();
  const spellings = new Set<string>();
  for (const [given, value] of Object.entries(parseFile(path, readFile))) {
    const plain = spellingless(given);
    const name = names.find((each) => spellingless(each.flag) === plain);
    if (name?.key === "config") throw wrong(`"config" cannot stand in ${path}: a configuration file names no other`);
    const flag = ownFlags.find((each) => spellingless(each) === plain);
    if (name === undefined && flag !== undefined) {
      // The environment goes first.
      if (!own.has(flag)) own.set(flag, textOf(value, given, path));
      continue;
    }
    if (name === undefined) {
      throw wrong(`unknown setting "${given}" in ${path}${suggestion(given, flagsOf(names))}`);
    }
    if (spellings.has(plain)) throw wrong(`"${name.flag}" stands twice in ${path}, in different spellings`);
    spellings.add(plain);
    keep(found, name, { text: textOf(value, given, path), source: "file", calledAs: `"${given}" in ${path}` });
  }
  return found;
}

function flagsOf(names: readonly Name[]): readonly string[] {
  return names.map(({ flag }) => flag);
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
