import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { removeFolder, runServer, temporaryFolder } from "../lib/server-process.ts";

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
});

it.each([
  ["zsh", "#compdef holdfast", "'--from[The store that everything is in; it is only read]:URL:'"],
  ["fish", "complete -c holdfast -f", "-l from -x -d 'The store that everything is in; it is only read'"],
])("%s has a script of its own", async (shell, first, flag) => {
  const { code, stdout } = await runServer({ args: ["completion", shell] });
  expect(code).toBe(0);
  expect(stdout).toContain(first);
  expect(stdout).toContain(flag);
});
