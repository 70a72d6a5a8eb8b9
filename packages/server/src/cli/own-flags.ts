import { fileFlag, textOfFile } from "../settings/secret-files.ts";
import type { Command } from "./command.ts";
import { usage } from "./usage.ts";

/** Where the flags of a command may come from. */
export type OwnFlags = {
  readonly line: ReadonlyMap<string, string>;
  /** From environment and file. */
  readonly elsewhere: ReadonlyMap<string, string>;
  readonly readFile: (path: string) => string;
};

/** Every name under which a command's own flags can be given: those that name files among them. */
export function ownFlagNames({ flags }: Command): readonly string[] {
  return flags.flatMap(({ name, inFile }) => (inFile === undefined ? [name] : [name, fileFlag(name)]));
}

/** Flags of the command's own: from the command line, else from environment or file. */
export function ownFlagsOf({ flags }: Command, { line, elsewhere, readFile }: OwnFlags): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { name, inFile } of flags) {
    const byFile = fileFlag(name);
    const given = inFile !== undefined && line.has(byFile) ? line : line.has(name) ? line : elsewhere;
    const text = given.get(name);
    const path = inFile === undefined ? undefined : given.get(byFile);
    if (text !== undefined && path !== undefined) {
      throw usage(`--${name} and --${byFile} contradict each other: give one of them`);
    }
    if (text !== undefined) found.set(name, text);
    if (path !== undefined) found.set(name, textOfFile(path, `--${byFile}`, readFile));
  }
  return found;
}
