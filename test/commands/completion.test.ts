import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { onTerminal, script } from "../lib/keyboard.ts";
import { removeFolder, runServer, temporaryFolder } from "../lib/server-process.ts";
import { foldersOfPath } from "../lib/servers/installed.ts";

let dir: string;
beforeAll(async () => {
  dir = await temporaryFolder();
});
afterAll(() => removeFolder(dir));

/** What bash offers after these words. */
async function offered(...words: readonly string[]): Promise<readonly string[]> {
  const { stdout } = await runServer({ args: ["completion", "bash"] });
  const file = join(dir, "completion.sh");
  await writeFile(file, stdout);
  const line = ["holdfast", ...words].map((word) => `'${word}'`).join(" ");
  const script = `source "${file}"; COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _holdfast; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", script], { encoding: "utf8", cwd: dir }).trim().split("\n");
}

it("bash completes commands, their words, their flags and files", async () => {
  expect(await offered("se")).toEqual(["serve", "sessions"]);
  expect(await offered("sessions", "")).toEqual(expect.arrayContaining(["list", "show", "end", "--limit", "--store"]));
  expect(await offered("sessions", "--li")).toEqual(["--limit"]);
  expect(await offered("serve", "--max-str")).toEqual(["--max-streams", "--max-streams-per-principal"]);
  expect(await offered("migrate", "--config", "comp")).toEqual(["completion.sh"]);
  expect(await offered("serve", "--seal-keys", "comp")).toEqual(["completion.sh"]);
  expect(await offered("conformance", "comp")).toEqual(["completion.sh"]);
});

const has = (shell: string): boolean => foldersOfPath().some((folder) => existsSync(join(folder, shell)));

const fish: string = "fish";

describe.skipIf(!has(fish))("fish", () => {
  it("completes commands, their words, their flags and files", async () => {
    const { stdout } = await runServer({ args: ["completion", "fish"] });
    await writeFile(join(dir, "holdfast.fish"), stdout);
    const after = (line: string): readonly string[] =>
      execFileSync(fish, ["--no-config", "-c", `source holdfast.fish; complete -C "holdfast ${line}"`], {
        encoding: "utf8",
        cwd: dir,
      })
        .trim()
        .split("\n")
        .map((offer) => offer.split("\t")[0] ?? "");
    expect(after("se")).toEqual(["serve", "sessions"]);
    expect(after("sessions ")).toEqual(expect.arrayContaining(["list", "show", "end"]));
    expect(after("sessions --li")).toEqual(["--limit"]);
    for (const line of ["migrate --config hold", "serve --seal-keys hold", "conformance hold"]) {
      expect(after(line)).toContain("holdfast.fish");
    }
  });
});

describe.skipIf(!has("zsh") || script === undefined)("zsh", () => {
  it.each([
    ["found in fpath", "fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D"],
    ["read by source", "autoload -Uz compinit; compinit -u -D; source ./_holdfast"],
  ])("completes commands, their words, their flags and files, %s", async (_how, setup) => {
    const { stdout } = await runServer({ args: ["completion", "zsh"] });
    await writeFile(join(dir, "_holdfast"), stdout);
    const env = { PATH: process.env["PATH"] ?? "", HOME: dir, TERM: "dumb" };
    await using shell = onTerminal("exec zsh -f -i", dir, env);
    shell.press(`PS1='ready> '; ${setup}; bindkey '^I' complete-word; print set''up\n`);
    await shell.sees(/setup\r?\n/);
    for (const [typed, whole] of [
      ["sess\t", "sessions"],
      ["sessions sh\t", "sessions show"],
      ["records --prin\t", "records --principal"],
      ["migrate --config _hold\t", "migrate --config _holdfast"],
      ["serve --seal-keys _hold\t", "serve --seal-keys _holdfast"],
      ["conformance _hold\t", "conformance _holdfast"],
    ] as const) {
      // Ctrl-U takes the line away again; nothing of it is ever run.
      shell.press(`holdfast ${typed}`);
      expect(await shell.sees(new RegExp(`holdfast ${whole}`))).toBe(`holdfast ${whole}`);
      shell.press("\u0015");
    }
  });
});
