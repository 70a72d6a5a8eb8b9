import { readFileSync } from "node:fs";
import { isHoldfastError } from "holdfast/contract";

import type { Command } from "./cli/command.ts";
import { fitted } from "./cli/fitted.ts";
import { helpOf, overview } from "./cli/help.ts";
import { interruptible } from "./cli/interruptible.ts";
import { createOutput } from "./cli/output.ts";
import { ownFlagNames, ownFlagsOf } from "./cli/own-flags.ts";
import { parseCommandLine } from "./cli/parse.ts";
import { commands } from "./commands/registry.ts";
import { serveCommand } from "./commands/serve-command.ts";
import { surroundings } from "./settings/data-dir.ts";
import { resolveSettings } from "./settings/resolve.ts";
import { createTable } from "./settings/table.ts";
import { packageVersion } from "./version.ts";

/**
 * Runs the command line to its end. Resolves with the exit code: 0 done, 1 could not go on, 2 was asked wrongly, or one
 * of the command's own.
 */
export async function main(words: readonly string[]): Promise<number> {
  // Whoever reads our output may have had enough of it: `holdfast events … | head`.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  try {
    return await run(words);
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    process.stderr.write(`holdfast: ${error.message}\n`);
    return error.code === "CONFIGURATION" || error.code === "INVALID_ARGUMENT" ? 2 : 1;
  }
}

async function run(words: readonly string[]): Promise<number> {
  const table = createTable(surroundings());
  const line = parseCommandLine(words, table, commands);
  if (line.version) {
    process.stdout.write(`${packageVersion()}\n`);
    return 0;
  }
  if (line.help) {
    const page = line.command === undefined ? overview(commands) : helpOf(line.command, table, line.arguments[0]);
    process.stdout.write(process.stdout.isTTY ? fitted(page, process.stdout.columns || 80) : page);
    return 0;
  }
  const command = line.command ?? serveCommand;
  const readFile = (path: string): string => readFileSync(path, "utf8");
  const ownFlags = commands.flatMap(ownFlagNames);
  const resolved = resolveSettings(table, { flags: line.settings, env: process.env, readFile, ownFlags });
  const own = ownFlagsOf(command, { line: line.own, elsewhere: resolved.own, readFile });
  return await interruptible(command.ownsSignals, (signal) =>
    command.run({ arguments: line.arguments, own, table, resolved, out: outputOf(command, own), signal, commands }),
  );
}

function outputOf({ flags }: Command, own: ReadonlyMap<string, string>): ReturnType<typeof createOutput> {
  const json = flags.some(({ name }) => name === "json") && ["true", "1"].includes(own.get("json") ?? "");
  return createOutput({ stdout: process.stdout, stderr: process.stderr, env: process.env }, json);
}
