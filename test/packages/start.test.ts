/** A newcomer's walk: an empty folder, the packed packages, docs/start.md, and nothing else of this repository. */
import { readFile, realpath, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { cleanEnvironment } from "../lib/node-process.ts";
import { removeFolder, temporaryFolder } from "../lib/server-process.ts";
import { poll } from "../lib/waiting.ts";
import { packInto, tarballOf } from "./packed.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

const page = new URL("../../docs/start.md", import.meta.url);

let dir: string;
beforeAll(async () => {
  dir = await realpath(await temporaryFolder());
});
afterAll(() => removeFolder(dir));

it("docs/start.md leads from an empty folder to a tool whose state survives a kill", async () => {
  const steps = stepsOf(await readFile(page, "utf8"));
  const port = String(await freePort());
  const names = { "/home/you": dir, "/usr/bin/node": process.execPath, "3000": port };
  const packages = new Map((await packInto(dir)).map((packed) => [packed.name, tarballOf(dir, packed)]));
  const env = cleanEnvironment({
    HOLDFAST_PORT: port,
    // Nothing may need a script of its installation, or anybody's opinion of it.
    npm_config_ignore_scripts: "true",
    npm_config_prefer_offline: "true",
    npm_config_audit: "false",
  });
  await using terminal = openTerminal(dir, env);
  expect(await follow(steps, terminal, names, packages)).toBeGreaterThanOrEqual(8);
  // What the page says ends a server does, started by npx or not.
  await poll(async () => ((await answers(port)) ? undefined : true), "the end of the last server", 20_000);
}, 600_000);

/** What the page asks for, in its order: a file to save, or a line to type and what is to be seen then. */
type Step =
  | { readonly save: string; readonly content: string }
  | { readonly type: string; readonly shows: string | undefined };

function stepsOf(markdown: string): readonly Step[] {
  const blocks = markdown.matchAll(/^```(\S+)(?: (\S+))?\n([\s\S]*?)^```$/gm);
  return [...blocks].flatMap(([, language, name, text = ""]): readonly Step[] => {
    if (name !== undefined) return [{ save: name, content: text }];
    const typed = language === "sh" ? text.split(/^/m) : text.split(/^\$ /m).slice(1);
    return typed.map((part) => {
      const end = part.indexOf("\n");
      return { type: part.slice(0, end), shows: language === "sh" ? undefined : part.slice(end + 1) };
    });
  });
}

/** Does all of it, and answers how often what was seen was compared. */
async function follow(
  steps: readonly Step[],
  terminal: Terminal,
  names: Readonly<Record<string, string>>,
  packages: ReadonlyMap<string, string>,
): Promise<number> {
  const back = Object.entries(names).map(([called, is]) => [is, called] as const);
  let folder = dir;
  // The reader's own basket, where the page has another.
  let basket = "";
  let compared = 0;
  for (const step of steps) {
    if ("save" in step) {
      await writeFile(join(folder, step.save), renamed(step.content, Object.entries(names)));
      continue;
    }
    const line = fromTarballs(renamed(step.type, Object.entries(names)), packages).replace(/\bbasket_\S{20,}/, basket);
    await terminal.type(line);
    const [, entered] = /^mkdir \S+ && cd (\S+)$/.exec(line) ?? [];
    if (entered !== undefined) folder = join(folder, entered);
    if (step.shows === undefined) continue;
    const expected = masked(step.shows);
    await expect.poll(() => masked(renamed(terminal.shown(), back)), { timeout: 60_000 }).toBe(expected);
    basket = /\bbasket_[A-Za-z0-9_-]{20,}/.exec(terminal.shown())?.[0] ?? basket;
    compared += 1;
  }
  return compared;
}

/** The packages of this repository are installed as they were packed. */
function fromTarballs(line: string, packages: ReadonlyMap<string, string>): string {
  if (!line.startsWith("npm install ")) return line;
  return line
    .split(" ")
    .map((word) => packages.get(word) ?? word)
    .join(" ");
}

function renamed(text: string, names: Iterable<readonly [string, string]>): string {
  let result = text;
  for (const [from, to] of names) result = result.replaceAll(from, to);
  return result;
}

/** What differs from run to run. */
function masked(output: string): string {
  return output
    .replaceAll(/\b(basket|ses)_[A-Za-z0-9_-]{20,}/g, "$1_ID")
    .replaceAll(/(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{32}(?![A-Za-z0-9_-])/g, "OWNER")
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ/g, "TIME")
    .replaceAll(/Node \d+\.\d+\.\d+/g, "Node N")
    .replaceAll(/[\d.]+ ms/g, "N ms")
    .replaceAll(/[ \t]+/g, " ");
}

async function answers(port: string): Promise<boolean> {
  return await fetch(`http://127.0.0.1:${port}/healthz`).then(
    async (answer) => {
      await answer.body?.cancel();
      return true;
    },
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("the server listens on no port");
  return address.port;
}
