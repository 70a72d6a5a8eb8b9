import { environmentName, flagName } from "../settings/names.ts";
import { groups } from "../settings/row.ts";
import { fileFlag } from "../settings/secret-files.ts";
import { shown } from "../settings/show.ts";
import { keysOf, type SettingKey, type Table } from "../settings/table.ts";
import type { Argument, Command, FlagLine } from "./command.ts";
import { filled } from "./fitted.ts";

/** Of a page that has to fit a screen. */
const mostColumns = 110;

/** The page of `holdfast --help`. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length)) + 2;
  return [
    "holdfast keeps sessions and state for MCP clients, over both protocol eras.",
    "",
    "Usage: holdfast [command] [flags]",
    "",
    "Commands:",
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`),
    "",
    "  holdfast COMMAND --help  every flag of a command",
    "  holdfast --version       what is installed",
    "",
    "Without a command it serves: http://127.0.0.1:3000/mcp, or stdin and stdout with --stdio.",
    "Exit codes: 0 done, 1 could not go on, 2 was asked wrongly; others stand on the command's page.",
    "",
  ].join("\n");
}

/** The page of `holdfast COMMAND --help`: made from what the command says of itself, one line per flag. */
export function helpOf(command: Command, table: Table, topic?: string): string {
  if (command.name !== "serve") return commandPage(command, table);
  return topic === everything ? wholePage(command, table) : settingsPage(command, table);
}

function commandPage(command: Command, table: Table): string {
  const all = command.settings === "all";
  // A command that takes every setting has them on the page of serve.
  const keys = command.settings === "all" ? (["store", "config"] as const) : command.settings;
  const lines = [...command.flags, ...keys.map((key) => settingLine(table, key))];
  const rows = lines.map(columns);
  const wide = [...command.arguments.map(({ name }): readonly [string, string] => [`  ${name}`, ""]), ...rows];
  const width = Math.max(...wide.map(([left]) => left.length)) + 2;
  const stopped = command.exits.some(([code]) => code === 130) ? [] : [[130, "stopped by Ctrl-C"] as const];
  const codes = [[0, "done"], [1, "could not go on"], [2, "was asked wrongly"], ...command.exits, ...stopped] as const;
  return [
    `Usage: holdfast ${[command.name, ...command.arguments.map(usageOf), "[flags]"].join(" ")}`,
    ...block("", command.about),
    ...block(
      "Arguments:",
      command.arguments.map((argument) => `  ${argument.name}`.padEnd(width) + argument.help),
    ),
    ...block(
      "Flags:",
      rows.map(([left, right]) => left.padEnd(width) + right),
    ),
    ...(all ? ["", "It takes every flag of serve besides: holdfast serve --help."] : []),
    ...block("", [...unitsOf(rows), ...filesOf(lines)]),
    ...block("Environment:", environmentOf(rows[0]?.[0] ?? "", width)),
    ...block(
      "Examples:",
      command.examples.map(([line, what]) => `  ${line}\n      ${what}`),
    ),
    "",
    "Exit codes:",
    ...codes.map(([code, meaning]) => `  ${String(code).padEnd(width - 2)}${meaning}`),
    "",
  ].join("\n");
}

/** How the values of these flags are written, where that is not plain. */
function unitsOf(rows: readonly (readonly [left: string, right: string])[]): readonly string[] {
  const uses = (placeholder: string): boolean =>
    // A point in time says by itself how it is written.
    rows.some(([left, right]) => left.endsWith(` ${placeholder}`) && !right.includes("ISO"));
  return [
    ...(uses("TIME") ? ["TIME is such as 500ms, 90s, 15m, 2h or 7d."] : []),
    ...(uses("SIZE") ? ["SIZE is such as 256KiB or 4MiB."] : []),
  ];
}

/** What can be kept from the list of processes. */
function filesOf(lines: readonly FlagLine[]): readonly string[] {
  const flags = lines.filter(({ inFile }) => inFile !== undefined).map(({ name }) => `--${fileFlag(name)}`);
  return flags.length === 0 ? [] : [`What is secret may lie in a file: ${flags.join(", ")} FILE.`];
}

function environmentOf(firstRow: string, width: number): readonly string[] {
  const flag = /--(\S+)/.exec(firstRow)?.[1];
  return [
    ...(flag === undefined
      ? []
      : [`  Each flag is also a variable (--${flag} is ${environmentName(flag)}) and a name in the file of --config.`]),
    `  ${"NO_COLOR".padEnd(width - 2)}any value: no colours`,
  ];
}

/** What shells and people call the whole of it. */
const everything = "all";

/** The page of a command that takes every setting, on one screen: what is plain or rare by its name alone. */
function settingsPage(command: Command, table: Table): string {
  const sections = groupsOf(command, table);
  const explained = sections.flatMap(({ rows }) => rows.filter(({ brief }) => !brief));
  const width = Math.max(...explained.map(({ line }) => columns(line)[0].length)) + 2;
  const wide = Math.max(...command.examples.map(([line]) => line.length)) + 2;
  return [
    `Usage: holdfast ${command.name} [flags]     ${command.about.join(" ")}`,
    ...sections.flatMap(({ title, rows }) => [
      `${title}:`,
      ...rows.filter(({ brief }) => !brief).map(({ line }) => explanation(line, width)),
      ...filled(
        rows.filter(({ brief }) => brief).map(({ line }) => columns(line)[0]),
        mostColumns,
      ),
    ]),
    ...block(
      "Examples:",
      command.examples.map(([line, what]) => `  ${line.padEnd(wide)}${what}`),
    ),
    "",
    `holdfast ${command.name} --help ${everything} explains each flag, limits too. Each is also a variable: --port is ${environmentName("port")}.`,
    ...filesOf(sections.flatMap(({ rows }) => rows.map(({ line }) => line))),
    "--no-NAME is off; TIME 90s, 15m, 2h; SIZE 4MiB. Exits: 0 stopped, 1 failed, 2 asked wrongly, 130/143 killed.",
    "",
  ].join("\n");
}

/** The same with every flag explained, and as many lines as that takes. */
function wholePage(command: Command, table: Table): string {
  const sections = groupsOf(command, table);
  const width = Math.max(...sections.flatMap(({ rows }) => rows.map(({ line }) => columns(line)[0].length))) + 2;
  return [
    `Usage: holdfast ${command.name} [flags]`,
    "",
    command.summary,
    ...sections.flatMap(({ title, rows }) =>
      block(
        `${title}:`,
        rows.map(({ line }) => explanation(line, width)),
      ),
    ),
    ...block("", unitsOf(sections.flatMap(({ rows }) => rows.map(({ line }) => columns(line))))),
    ...block("", filesOf(sections.flatMap(({ rows }) => rows.map(({ line }) => line)))),
    ...block("Environment:", environmentOf("--auth-tokens", width)),
    ...block("", ["A flag wins over the variable, and the variable over the file; --no-NAME turns off what is on."]),
    ...block(
      "Examples:",
      command.examples.map(([line, what]) => `  ${line}\n      ${what}`),
    ),
    ...block(
      "Exit codes:",
      serveCodes.map(([code, meaning]) => `  ${code.padEnd(width - 2)}${meaning}`),
    ),
    "",
  ].join("\n");
}

const serveCodes = [
  ["0", "stopped as it was asked to: calls under way were finished"],
  ["1", "could not go on, or was not done with stopping in time"],
  ["2", "was asked wrongly"],
  ["130, 143", "a second Ctrl-C or SIGTERM ended it at once"],
] as const;

type Listed = { readonly line: FlagLine; readonly brief: boolean };

/** Flags by what they are about; the command's own with those of this process. */
function groupsOf(
  command: Command,
  table: Table,
): readonly { readonly title: string; readonly rows: readonly Listed[] }[] {
  const own = command.flags.map((line) => ({ line, brief: false }));
  const ofGroup = (group: string): readonly Listed[] =>
    keysOf(table)
      .filter((key) => table[key].group === group)
      .map((key) => ({ line: settingLine(table, key), brief: group === "Limits" || table[key].brief === true }));
  return groups.map((group) => ({ title: group, rows: [...ofGroup(group), ...(group === "This process" ? own : [])] }));
}

function explanation(line: FlagLine, width: number): string {
  const [left, right] = columns(line);
  return left.padEnd(width) + right;
}

function block(title: string, lines: readonly string[]): readonly string[] {
  if (lines.length === 0) return [];
  return title === "" ? ["", ...lines] : ["", title, ...lines];
}

function usageOf({ name, optional, choices }: Argument): string {
  const word = choices?.join("|") ?? name;
  return optional === true ? `[${word}]` : word;
}

function settingLine(table: Table, key: SettingKey): FlagLine {
  const { placeholder, help, many = false, inFile, default: value } = table[key];
  return { name: flagName(key), placeholder, help, many, inFile, default: shown(table, key, value) };
}

function columns({ name, placeholder, help, default: value }: FlagLine): readonly [left: string, right: string] {
  const left = `  --${name}${placeholder === undefined ? "" : ` ${placeholder}`}`;
  return [left, value === undefined || value === false ? help : `${help} (${value.toString()})`];
}
