import type { Command, FlagLine } from "../cli/command.ts";
import { defineCommand } from "../cli/command.ts";
import { type Shell, script, shells } from "../cli/completion-script.ts";
import { flagName } from "../settings/names.ts";
import { fileFlag } from "../settings/secret-files.ts";
import { keysOf, type SettingKey, type Table } from "../settings/table.ts";

export const completionCommand: Command = defineCommand({
  name: "completion",
  summary: "print a script that completes commands and flags in your shell",
  about: ["Prints it; your shell has to read it."],
  arguments: [{ name: "SHELL", choices: shells, help: "bash, zsh or fish" }],
  flags: {},
  examples: [
    ["holdfast completion bash > ~/.local/share/bash-completion/completions/holdfast", "bash"],
    ["holdfast completion zsh > ~/.zfunc/_holdfast", "zsh, with ~/.zfunc in fpath"],
    ["holdfast completion fish > ~/.config/fish/completions/holdfast.fish", "fish"],
  ],
  run: async ({ arguments: [shell], commands, table, out }) => {
    const words = commands.map((command) => ({
      name: command.name,
      summary: command.summary,
      words: command.arguments[0]?.choices ?? [],
      takesFile: command.arguments[0]?.name === "FILE",
      flags: [...command.flags.flatMap((flag) => withFile(flag)), ...settings(command, table)],
    }));
    // The parser let nothing else pass.
    out.line(script(shell as Shell, words).trimEnd());
    return 0;
  },
});

type Flag = { readonly name: string; readonly placeholder: string | undefined; readonly help: string };

function settings(command: Command, table: Table): readonly Flag[] {
  const keys = command.settings === "all" ? keysOf(table) : command.settings;
  return keys.flatMap((key) => withFile(settingFlag(table, key)));
}

function settingFlag(table: Table, key: SettingKey): Flag & Pick<FlagLine, "inFile"> {
  const { placeholder, help, inFile } = table[key];
  return { name: flagName(key), placeholder, help, inFile };
}

function withFile({ name, placeholder, help, inFile }: Flag & Pick<FlagLine, "inFile">): readonly Flag[] {
  const byFile = { name: fileFlag(name), placeholder: "FILE", help: `File that holds --${name}` };
  return [{ name, placeholder, help }, ...(inFile === undefined ? [] : [byFile])];
}
