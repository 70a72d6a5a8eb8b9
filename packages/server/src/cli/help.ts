import { environmentName, flagName } from "../settings/names.ts";
import { groups } from "../settings/row.ts";
import { shown } from "../settings/show.ts";
import { keysOf, type SettingKey, type Table } from "../settings/table.ts";

/** The page of `holdfast --help`. */
export function overview(commands: ReadonlyMap<string, string>): string {
  const lines = [...commands].map(([name, summary]) => `  ${name.padEnd(10)}${summary}`);
  return [
    "holdfast keeps sessions and state for MCP clients, over both protocol eras.",
    "",
    "Usage: holdfast [command] [flags]",
    "",
    "Commands:",
    ...lines,
    "",
    "  holdfast serve --help    every flag of a command",
    "  holdfast --version       what is installed",
    "",
    "Without a command it serves: http://127.0.0.1:3000/mcp, or stdin and stdout with --stdio.",
    "",
  ].join("\n");
}

/** The page of `holdfast serve --help`, made from the table: one line per setting. */
export function serveHelp(table: Table): string {
  const keys = keysOf(table);
  const width = Math.max(...keys.map((key) => left(table, key).length)) + 2;
  const sections = groups.map((group) => {
    const rows = keys.filter((key) => table[key].group === group);
    return [`${group}:`, ...rows.map((key) => left(table, key).padEnd(width) + right(table, key))].join("\n");
  });
  return [
    "Usage: holdfast serve [flags]     serves MCP over HTTP, or over stdin and stdout with --stdio",
    ...sections,
    `Each flag is also a variable (--auth-tokens is ${environmentName("authTokens")}) and a name in that file:`,
    "flag over variable over file. A switch is turned off with --no-NAME.",
    "",
  ].join("\n");
}

function left(table: Table, key: SettingKey): string {
  const { placeholder } = table[key];
  return `  --${flagName(key)}${placeholder === undefined ? "" : ` ${placeholder}`}`;
}

function right(table: Table, key: SettingKey): string {
  const { help, default: value } = table[key];
  const text = shown(table, key, value);
  return text === undefined || text === false ? help : `${help} (${text.toString()})`;
}
