/** Completion scripts, made from what the commands say of themselves. Words are names of ours: no shell has to quote them. */

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

export type Completed = {
  readonly name: string;
  readonly summary: string;
  /** What may follow its name: `list`, `show`, `end`. */
  readonly words: readonly string[];
  /** Whether a file follows its name. */
  readonly takesFile: boolean;
  readonly flags: readonly { readonly name: string; readonly placeholder: string | undefined; readonly help: string }[];
};

export function script(shell: Shell, commands: readonly Completed[]): string {
  switch (shell) {
    case "bash":
      return bash(commands);
    case "zsh":
      return zsh(commands);
    case "fish":
      return fish(commands);
  }
}

function bash(commands: readonly Completed[]): string {
  const cases = commands.map(({ name, words, flags, takesFile: file }) => {
    const all = [...words, ...flags.map((flag) => `--${flag.name}`), "--help"];
    return `    ${name}) words="${all.join(" ")}"${file ? " files=1" : ""} ;;`;
  });
  return `# Completion of holdfast for bash.
_holdfast() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" command="" files="" word words
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in
      ${commands.map(({ name }) => name).join("|")}) command="$word"; break ;;
    esac
  done
  case "$previous" in
    ${fileFlags(commands).join("|")}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "$command" in
${cases.join("\n")}
    *) words="${[...commands.map(({ name }) => name), "--help", "--version"].join(" ")}" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ -n "$files" ]]; then COMPREPLY+=($(compgen -f -- "$current")); fi
}
complete -F _holdfast holdfast
`;
}

function zsh(commands: readonly Completed[]): string {
  const cases = commands.map(({ name, words, flags, takesFile: file }) => {
    const specs = flags.map(({ name: flag, placeholder, help }) => {
      const action = placeholder === undefined ? "" : `:${placeholder}:${takesFile(placeholder) ? "_files" : ""}`;
      return `      '--${flag}[${zshText(help)}]${action}'`;
    });
    const first = [
      ...(words.length === 0 ? [] : [`      '1:what:(${words.join(" ")})'`]),
      ...(file ? ["      '1:file:_files'"] : []),
    ];
    return `    ${name})\n      _arguments \\\n${[...first, ...specs, "      '--help[the page of this command]'"].join(" \\\n")}\n      ;;`;
  });
  const names = commands.map(({ name, summary }) => `    '${name}:${zshText(summary)}'`);
  return `#compdef holdfast
# Completion of holdfast for zsh.
_holdfast() {
  local -a names
  names=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe command names
    return
  fi
  local command="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases.join("\n")}
  esac
}
# Found in fpath this file is the function; read by source it has to be tied to the command.
if [[ "$funcstack[1]" = _holdfast ]]; then
  _holdfast "$@"
else
  compdef _holdfast holdfast
fi
`;
}

function fish(commands: readonly Completed[]): string {
  const lines = ["# Completion of holdfast for fish.", "complete -c holdfast -f"];
  for (const { name, summary, words, flags, takesFile: file } of commands) {
    lines.push(`complete -c holdfast -n __fish_use_subcommand -a ${name} -d '${fishText(summary)}'`);
    const seen = `__fish_seen_subcommand_from ${name}`;
    if (words.length > 0) lines.push(`complete -c holdfast -n '${seen}' -a '${words.join(" ")}'`);
    if (file) lines.push(`complete -c holdfast -n '${seen}' -F`);
    for (const { name: flag, placeholder, help } of flags) {
      const value = placeholder === undefined ? "" : takesFile(placeholder) ? " -r -F" : " -x";
      lines.push(`complete -c holdfast -n '${seen}' -l ${flag}${value} -d '${fishText(help)}'`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function fileFlags(commands: readonly Completed[]): readonly string[] {
  const flags = commands.flatMap((command) => command.flags);
  return [...new Set(flags.filter(({ placeholder }) => takesFile(placeholder)).map(({ name }) => `--${name}`))];
}

function takesFile(placeholder: string | undefined): boolean {
  return placeholder?.split("|").includes("FILE") === true;
}

function zshText(text: string): string {
  return text.replaceAll(/['[\]:\\]/g, " ");
}

function fishText(text: string): string {
  return text.replaceAll(/['\\]/g, " ");
}
