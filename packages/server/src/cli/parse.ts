import { HoldfastError } from "holdfast";

import { flagName, suggestion } from "../settings/names.ts";
import { keysOf, type SettingKey, type Table } from "../settings/table.ts";

export type CommandLine = {
  /** Undefined when none was named. */
  readonly command: string | undefined;
  readonly flags: ReadonlyMap<string, string>;
  readonly help: boolean;
  readonly version: boolean;
};

/**
 * Takes a command line apart: `--name value`, `--name=value`, `--switch`, `--no-switch`. The last of several wins, so
 * that a script's flags can be overridden by what is added to it. Throws `CONFIGURATION` for what nobody defined.
 */
export function parseCommandLine(words: readonly string[], table: Table, commands: readonly string[]): CommandLine {
  const flags = new Map<string, string>();
  let command: string | undefined;
  let help = false;
  let version = false;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (word === "--help" || word === "-h") help = true;
    else if (word === "--version" || word === "-v") version = true;
    else if (word.startsWith("-") && word !== "-") {
      const { name, text, usedNext } = readFlag(word, words[index + 1], table);
      flags.set(name, text);
      if (usedNext) index++;
    } else if (command === undefined && flags.size === 0 && word === "help") help = true;
    else if (command === undefined) command = knownCommand(word, commands);
    else throw usage(`unexpected argument ${JSON.stringify(word)} after "${command}"; flags begin with --`);
  }
  return { command, flags, help, version };
}

type ReadFlag = { readonly name: string; readonly text: string; readonly usedNext: boolean };

function readFlag(word: string, next: string | undefined, table: Table): ReadFlag {
  const [, given = "", attached] = /^--?([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
  const key = keyOf(given, table);
  if (!word.startsWith("--") || given === "") throw unknownFlag(word, given, table);
  if (key === undefined) {
    const negated = given.startsWith("no-") ? keyOf(given.slice(3), table) : undefined;
    if (negated === undefined || !isSwitch(negated, table)) throw unknownFlag(`--${given}`, given, table);
    if (attached !== undefined) throw usage(`--${given} takes no value`);
    return { name: flagName(negated), text: "false", usedNext: false };
  }
  if (attached !== undefined) return { name: given, text: attached, usedNext: false };
  if (isSwitch(key, table)) return { name: given, text: "true", usedNext: false };
  if (next === undefined || next.startsWith("--"))
    throw usage(`--${given} needs a value: --${given} ${placeholder(key, table)}`);
  return { name: given, text: next, usedNext: true };
}

function keyOf(name: string, table: Table): SettingKey | undefined {
  return keysOf(table).find((key) => flagName(key) === name);
}

function isSwitch(key: SettingKey, table: Table): boolean {
  return table[key].placeholder === undefined;
}

function placeholder(key: SettingKey, table: Table): string {
  return table[key].placeholder ?? "";
}

function knownCommand(word: string, commands: readonly string[]): string {
  if (commands.includes(word)) return word;
  throw usage(
    `unknown command ${JSON.stringify(word)} (there is: ${commands.join(", ")})${suggestion(word, commands)}`,
  );
}

function unknownFlag(word: string, name: string, table: Table): HoldfastError {
  const later = comingLater.get(name);
  if (later !== undefined) return usage(`${word} is not in this version yet: ${later}`);
  return usage(`unknown flag ${word}${suggestion(name, [...keysOf(table).map(flagName), "help", "version"], "--")}`);
}

/** Flags that people may have read about; a straight answer beats the nearest name. */
const comingLater: ReadonlyMap<string, string> = new Map([
  ["public-anonymous", "to serve other machines, give every caller a token (--auth-tokens FILE)"],
  ["auth-jwks", "use --auth-tokens FILE"],
  ["auth-issuer", "use --auth-tokens FILE"],
  ["auth-audience", "use --auth-tokens FILE"],
  ["sse", "clients of the HTTP+SSE transport can use --stdio"],
]);

function usage(message: string): HoldfastError {
  return new HoldfastError("CONFIGURATION", message);
}
