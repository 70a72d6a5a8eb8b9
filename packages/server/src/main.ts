import { readFileSync } from "node:fs";
import { isHoldfastError } from "holdfast";

import { overview, serveHelp } from "./cli/help.ts";
import { parseCommandLine } from "./cli/parse.ts";
import { serve } from "./commands/serve.ts";
import { surroundings } from "./settings/data-dir.ts";
import { resolveSettings } from "./settings/resolve.ts";
import { createTable } from "./settings/table.ts";
import { packageVersion } from "./version.ts";

const commands: ReadonlyMap<string, string> = new Map([
  ["serve", "serve MCP over HTTP, or with --stdio over stdin and stdout (the default)"],
]);

/** Runs the command line to its end. Resolves with the exit code: 0 done, 1 could not go on, 2 was asked wrongly. */
export async function main(words: readonly string[]): Promise<number> {
  try {
    await run(words);
    return 0;
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    process.stderr.write(`holdfast: ${error.message}\n`);
    return error.code === "CONFIGURATION" || error.code === "INVALID_ARGUMENT" ? 2 : 1;
  }
}

async function run(words: readonly string[]): Promise<void> {
  const table = createTable(surroundings());
  const { command, flags, help, version } = parseCommandLine(words, table, [...commands.keys()]);
  if (version) {
    process.stdout.write(`${packageVersion()}\n`);
  } else if (help) {
    process.stdout.write(command === undefined ? overview(commands) : serveHelp(table));
  } else {
    const readFile = (path: string): string => readFileSync(path, "utf8");
    await serve(table, resolveSettings(table, { flags, env: process.env, readFile }));
  }
}
