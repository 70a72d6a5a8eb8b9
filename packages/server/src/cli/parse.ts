import type { HoldfastError } from "holdfast/contract";

import { flagName, suggestion } from "../settings/names.ts";
import { fileFlag } from "../settings/secret-files.ts";
import { keysOf, type Table } from "../settings/table.ts";
import type { Command, FlagLine } from "./command.ts";
import { usage } from "./usage.ts";

export type CommandLine = {
  /** Undefined when none was named: then it is the default one. */
  readonly command: Command | undefined;
  readonly arguments: readonly string[];
  /** Flags that are settings, by flag name. */
  readonly settings: ReadonlyMap<string, string>;
  /** Flags of the command's own, by flag name. */
  readonly own: ReadonlyMap<string, string>;
  readonly help: boolean;
  readonly version: boolean;
};

/** What a command without being named is. */
const defaultCommand = "serve";

/** A flag somebody may write: whose it is, and whether a value follows. */
type Known = { readonly placeholder: string | undefined; readonly own: boolean; readonly many: boolean };

/**
 * Takes a command line apart: `--name value`, `--name=value`, `--switch`, `--no-switch`. A flag that is a list adds when it
 * is given again. Throws `CONFIGURATION` for what nobody defined, and for any other flag given twice: which of the two was
 * meant only their author knows.
 */
export function parseCommandLine(words: readonly string[], table: Table, commands: readonly Command[]): CommandLine {
  const command = findCommand(words, table, commands);
  const meant = command ?? commands.find(({ name }) => name === defaultCommand);
  const where = { known: flagsOf(meant, table), command: meant, table, commands };
  const [settings, own] = [new Map<string, string>(), new Map<string, string>()];
  const given: string[] = [];
  let named = false;
  let help = false;
  let version = false;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (word === "--help" || word === "-h") help = true;
    else if (word === "--version" || word === "-v") version = true;
    else if (word.startsWith("-") && word !== "-") {
      const { name, text, usedNext, isOwn } = readFlag(word, words[index + 1], where);
      const into = isOwn ? own : settings;
      into.set(name, joined(name, into.get(name), text, where.known));
      if (usedNext) index++;
    } else if (!named && settings.size + own.size === 0 && word === "help") help = true;
    else if (!named) named = true;
    else given.push(word);
  }
  if (!help && !version) checkArguments(command, given);
  return { command, arguments: given, settings, own, help, version };
}

function joined(name: string, before: string | undefined, text: string, known: Where["known"]): string {
  if (before === undefined) return text;
  if (known.get(name)?.many === true) return `${before},${text}`;
  // Its values stay unsaid: one of them may hold a password.
  throw usage(`--${name} is given twice, and has one value; leave one out`);
}

/** The command that is named: the first word that is neither a flag nor what follows one. */
function findCommand(words: readonly string[], table: Table, commands: readonly Command[]): Command | undefined {
  const all = new Map(commands.flatMap((command) => [...flagsOf(command, table)]));
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    const flag = word.startsWith("-") && word !== "-" ? word.replace(/^--?/, "") : undefined;
    if (flag === undefined) {
      if (word === "help" && index === 0) continue;
      const found = commands.find(({ name }) => name === word);
      if (found !== undefined) return found;
      const names = commands.map(({ name }) => name);
      throw usage(`unknown command ${JSON.stringify(word)} (there is: ${names.join(", ")})${suggestion(word, names)}`);
    }
    if (isStrange(flag, all)) return undefined;
    if (all.get(flag)?.placeholder !== undefined) index++;
  }
  return undefined;
}

/** Nobody can tell what follows a flag that nobody defined: it is the first thing to complain about. */
function isStrange(flag: string, all: ReadonlyMap<string, Known>): boolean {
  const name = flag.replace(/=[\s\S]*$/, "").replace(/^no-/, "");
  return !all.has(name) && !["help", "h", "version", "v"].includes(name);
}

function flagsOf(command: Command | undefined, table: Table): ReadonlyMap<string, Known> {
  const known = new Map<string, Known>();
  if (command === undefined) return known;
  const keys = command.settings === "all" ? keysOf(table) : command.settings;
  for (const key of keys) {
    const { placeholder, many, inFile } = table[key];
    add(flagName(key), { placeholder, own: false, many: many === true }, inFile);
  }
  for (const { name, placeholder, many, inFile } of command.flags) add(name, { placeholder, own: true, many }, inFile);
  return known;

  function add(name: string, flag: Known, inFile: FlagLine["inFile"]): void {
    known.set(name, flag);
    if (inFile !== undefined) known.set(fileFlag(name), { ...flag, placeholder: "FILE", many: false });
  }
}

type Where = {
  readonly known: ReadonlyMap<string, Known>;
  readonly command: Command | undefined;
  readonly table: Table;
  readonly commands: readonly Command[];
};

type ReadFlag = { readonly name: string; readonly text: string; readonly usedNext: boolean; readonly isOwn: boolean };

function readFlag(word: string, next: string | undefined, where: Where): ReadFlag {
  const { known } = where;
  const [, given = "", attached] = /^--?([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
  const flag = known.get(given);
  if (!word.startsWith("--") || given === "") throw unknownFlag(word, given, where);
  if (flag === undefined) {
    const name = given.slice(3);
    const negated = given.startsWith("no-") ? known.get(name) : undefined;
    if (negated === undefined || negated.placeholder !== undefined) throw unknownFlag(`--${given}`, given, where);
    if (attached !== undefined) throw usage(`--${given} takes no value`);
    return { name, text: "false", usedNext: false, isOwn: negated.own };
  }
  const { placeholder, own: isOwn } = flag;
  if (attached !== undefined) return { name: given, text: attached, usedNext: false, isOwn };
  if (placeholder === undefined) return { name: given, text: "true", usedNext: false, isOwn };
  if (next === undefined || next.startsWith("--")) throw usage(`--${given} needs a value: --${given} ${placeholder}`);
  return { name: given, text: next, usedNext: true, isOwn };
}

function checkArguments(command: Command | undefined, given: readonly string[]): void {
  const wanted = command?.arguments ?? [];
  for (const [index, { name, optional, choices, help }] of wanted.entries()) {
    const word = given[index];
    if (word === undefined) {
      if (optional === true) return;
      throw usage(`${command?.name ?? ""} needs ${name}: ${help}`);
    }
    if (choices !== undefined && !choices.includes(word)) {
      throw usage(`${name} is one of ${choices.join(", ")}, not ${JSON.stringify(word)}${suggestion(word, choices)}`);
    }
  }
  const stray = given[wanted.length];
  if (stray === undefined) return;
  throw usage(`unexpected argument ${JSON.stringify(stray)} after "${command?.name ?? ""}"; flags begin with --`);
}

function unknownFlag(word: string, name: string, { known, command, table, commands }: Where): HoldfastError {
  const owner = commands.find((other) => other !== command && flagsOf(other, table).has(name));
  if (owner !== undefined && command !== undefined && !known.has(name)) {
    return usage(`--${name} is a flag of ${owner.name}, not of ${command.name}`);
  }
  const near = suggestion(name, [...known.keys(), "help", "version"], "--");
  return usage(
    `unknown flag ${word}${near === "" ? `; holdfast ${command?.name ?? ""} --help lists what there is` : near}`,
  );
}
