import { readFileSync } from "node:fs";
import { isHoldfastError } from "holdfast/contract";

import type { Command } from "./cli/command.ts";
import { helpOf, overview } from "./cli/help.ts";
import { interruptible } from "./cli/interruptible.ts";
import { createOutput } from "./cli/output.ts";
import { type CommandLine, parseCommandLine } from "./cli/parse.ts";
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
    process.stdout.write(line.command === undefined ? overview(commands) : helpOf(line.command, table));
    return 0;
  }
  const command = line.command ?? serveCommand;
  const readFile = (path: string): string => readFileSync(path, "utf8");
  const resolved = resolveSettings(table, { flags: line.settings, env: process.env, readFile });
  return await interruptible(command.ownsSignals, (signal) =>
    command.run({ ...given(line), table, resolved, out: outputOf(command, line), signal, commands }),
  );
}

function given({ arguments: words, own }: CommandLine): Pick<CommandLine, "arguments" | "own"> {
  return { arguments: words, own };
}

function outputOf(command: Command, { own }: CommandLine): ReturnType<typeof createOutput> {
  const json = command.flags.some(({ name }) => name === "json") && own.get("json") === "true";
  return createOutput({ stdout: process.stdout, stderr: process.stderr, env: process.env }, json);
}
