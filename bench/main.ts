/**
 * `npm run bench`: see `--help`. What is measured runs in a process of its own (`measure.ts`), with servers and nodes below
 * it, in one folder; this one stays to end them all and to remove the folder, however the measurement ends.
 */

import { inOwnFolder } from "./lib/own-folder.ts";
import { helpText, readOptions } from "./options.ts";
import { parts } from "./parts.ts";

const names = Object.keys(parts);

process.exitCode = await main(process.argv.slice(2));

async function main(words: readonly string[]): Promise<number> {
  let options: ReturnType<typeof readOptions>;
  try {
    options = readOptions(words, names);
  } catch (error) {
    console.error(
      `bench: ${error instanceof Error ? error.message : String(error)}\nnpm run bench -- --help lists what there is`,
    );
    return 2;
  }
  if (options === "help") {
    console.log(helpText(names).trimEnd());
    return 0;
  }
  return await inOwnFolder(new URL("measure.js", import.meta.url), words);
}
