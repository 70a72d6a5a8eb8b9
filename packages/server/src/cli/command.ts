/**
 * A command of `holdfast`: its name, its flags, its page of help and what it does. Adding one is a file in `commands/`
 * and a line in `commands/registry.ts`.
 */

import { flagName } from "../settings/names.ts";
import type { Resolved } from "../settings/resolve.ts";
import type { Row, Shown } from "../settings/row.ts";
import type { SettingKey, Table } from "../settings/table.ts";
import type { Output } from "./output.ts";
import { usage } from "./usage.ts";

export type Argument = {
  /** As help shows it: `ID`. */
  readonly name: string;
  readonly help: string;
  readonly optional?: boolean;
  /** The only words it may be. */
  readonly choices?: readonly string[];
};

/** A flag as help and completion see it. */
export type FlagLine = {
  readonly name: string;
  /** Absent where the flag alone says it. */
  readonly placeholder: string | undefined;
  readonly help: string;
  readonly default: Shown;
  /** Whether it may be given again, and adds then. */
  readonly many: boolean;
  /** Whether a file that holds the value can be named instead. */
  readonly inFile: Row<unknown>["inFile"];
};

export type Exit = readonly [code: number, meaning: string];

export type Invocation<Own> = {
  readonly arguments: readonly string[];
  /** The command's own flags. */
  readonly flags: Own;
  /** The settings, from flags, variables and file. */
  readonly resolved: Resolved;
  readonly table: Table;
  readonly out: Output;
  /** Aborted when the process is asked to stop. */
  readonly signal: AbortSignal;
  /** Every command there is. */
  readonly commands: readonly Command[];
};

/** What is given to a command before its own flags are read. */
export type Given = Omit<Invocation<unknown>, "flags"> & { readonly own: ReadonlyMap<string, string> };

export interface Command {
  readonly name: string;
  /** One line of `holdfast --help`. */
  readonly summary: string;
  /** One line each of the command's page, below its usage. */
  readonly about: readonly string[];
  readonly arguments: readonly Argument[];
  /** The settings it takes as flags. */
  readonly settings: readonly SettingKey[] | "all";
  readonly flags: readonly FlagLine[];
  /** What one would type, and what for. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** What it ends with besides 0, 1 and 2. */
  readonly exits: readonly Exit[];
  /** Whether it ends when asked to stop by itself, and the process is not to interfere. */
  readonly ownsSignals: boolean;
  /** Resolves with the exit code. */
  run(given: Given): Promise<number>;
}

type OwnRows<Own> = { readonly [Name in keyof Own]: Row<Own[Name]> };

export type Definition<Own> = {
  readonly name: string;
  readonly summary: string;
  readonly about?: readonly string[];
  readonly arguments?: readonly Argument[];
  readonly settings?: readonly SettingKey[] | "all";
  readonly flags: OwnRows<Own>;
  readonly examples?: readonly (readonly [line: string, what: string])[];
  readonly exits?: readonly Exit[];
  readonly ownsSignals?: boolean;
  readonly run: (invocation: Invocation<Own>) => Promise<number>;
};

export function defineCommand<Own extends Readonly<Record<string, unknown>>>(definition: Definition<Own>): Command {
  const { flags, about = [], settings = [], examples = [], exits = [], ownsSignals = false } = definition;
  // Every key of the table of flags is the name of a flag: its type says so.
  const keys = Object.keys(flags) as (keyof Own & string)[];
  return {
    name: definition.name,
    summary: definition.summary,
    about,
    arguments: definition.arguments ?? [],
    settings,
    flags: keys.map((key) => lineOf(key, flags[key])),
    examples,
    exits,
    ownsSignals,
    run: ({ own, ...given }) => {
      const read = keys.map((key) => [key, readOwn(key, flags[key], own.get(flagName(key)))] as const);
      // Each key was just read by its own row, whose type the table ties to it.
      return definition.run({ ...given, flags: Object.fromEntries(read) as Own });
    },
  };
}

function lineOf<Value>(key: string, row: Row<Value>): FlagLine {
  return {
    name: flagName(key),
    placeholder: row.placeholder,
    help: row.help,
    default: row.show(row.default),
    many: row.many === true,
    inFile: row.inFile,
  };
}

function readOwn<Value>(key: string, row: Row<Value>, text: string | undefined): Value {
  if (text === undefined) return row.default;
  try {
    return row.read(text);
  } catch (error) {
    const wanted = error instanceof Error ? error.message : String(error);
    throw usage(`--${flagName(key)} has to be ${wanted}, and ${JSON.stringify(text)} is not`);
  }
}
