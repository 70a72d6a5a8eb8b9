/**
 * Every TypeScript example of the README and the documentation compiles, those in the comments of the library too, and those of
 * the pages are run: each as a program that has just begun, in an empty folder, up to its end.
 */
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";

import { launch } from "../lib/node-process.ts";
import { removeFolder, temporaryFolder } from "../lib/server-process.ts";
import { within } from "../lib/waiting.ts";
import { referenceExamplesOf } from "./reference-examples.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
// Under test/, so that the examples find the same packages a user has.
const folder = join(root, "test/.examples");

/** What no program of this test can have, and what it is given in its place. */
const replaced: readonly (readonly [given: string | RegExp, instead: string])[] = [
  // A database that somebody runs.
  [/"(?:postgres|redis):\/\/[^"]*"/g, '"sqlite:./state.db"'],
  // A port that somebody else may have.
  [/\.listen\(3000\b/g, ".listen(0"],
  [/\bport: 3000\b/g, "port: 0"],
];
const mcpUse = "mcp-use brings too much along to be installed: mcp-use.d.ts stands for its types";
/** Examples that are not run, by page and the first words that tell them, with the reason. */
const notRun: readonly (readonly [page: string, words: string, reason: string])[] = [
  ["docs/stores/tiered.md", "tieredStore(", "it takes a Redis and a PostgreSQL, which the store's own tests have"],
  [
    "docs/stores/writing-your-own.md",
    "describeConformance(",
    "vitest runs it: examples/third-party-store is that program",
  ],
  ["docs/adapters.md", "mcp-use/server", mcpUse],
  ["docs/migrating.md", "mcp-use/server", mcpUse],
];
/** Files that examples say one has. */
const files: Readonly<Record<string, string>> = {
  "seal.json": JSON.stringify({ current: "a", keys: { a: Buffer.alloc(32, 1).toString("base64") } }),
};

/** Runs programs one after the other, each in an empty folder of its own, and says of each how it went. */
const runner = `import { mkdtempSync, writeFileSync } from "node:fs";
const [, , dir, ...programs] = process.argv;
for (const file of programs) {
  process.chdir(mkdtempSync(dir + "/run-"));
  for (const [name, text] of Object.entries(${JSON.stringify(files)})) writeFileSync(name, text, { mode: 0o600 });
  try {
    await import(file);
    console.log("ran " + file);
  } catch (error) {
    console.log("failed " + file + ": " + (error?.stack ?? error));
  }
}
process.exit(0);
`;

let said: string;
let written = 0;
const toRun: string[] = [];

beforeAll(async () => {
  const pages = ["README.md", "packages/holdfast/README.md", ...(await markdownUnder("docs"))];
  const given = await readFile(new URL("around-examples.ts", import.meta.url), "utf8");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const page of pages) {
    const text = await readFile(join(root, page), "utf8");
    const ofReference = page.startsWith("docs/api/");
    const examples = ofReference ? referenceExamplesOf(text, given) : examplesOf(text);
    for (const [index, example] of examples.entries()) {
      const name = `${page.replaceAll(/[^A-Za-z0-9]+/g, "-")}-${index}`;
      await writeFile(join(folder, `${name}.ts`), `${example}\nexport {};\n`);
      written += 1;
      const left = notRun.some(([where, words]) => where === page && example.includes(words));
      if (!ofReference && !left) toRun.push(name);
    }
  }
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: "../../tsconfig.tests.json",
      compilerOptions: { rootDir: "..", outDir: "out", incremental: false, noUnusedLocals: false },
      include: ["*.ts", "../docs/mcp-use.d.ts"],
    }),
  );
  said = await compile(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("compiles every TypeScript example of the README, the documentation, and the comments of the library", () => {
  expect(written).toBeGreaterThan(50);
  expect(said).toBe("");
});

it("runs every example of the README and the documentation to its end", async () => {
  const out = join(folder, "out/.examples");
  for (const name of await readdir(out)) {
    let code = await readFile(join(out, name), "utf8");
    for (const [from, to] of replaced) code = code.replaceAll(from, to);
    await writeFile(join(out, name), code);
  }
  await writeFile(join(folder, "run.mjs"), runner);
  const dir = await temporaryFolder();
  try {
    const programs = toRun.map((name) => join(out, `${name}.js`));
    const run = launch(join(folder, "run.mjs"), { args: [dir, ...programs], cwd: dir });
    const late = (): string => `still running after two minutes; so far:\n${run.stdout()}`;
    await within(run.exited, 120_000, late).finally(() => run.process.kill("SIGKILL"));
    // Some say things of their own.
    const went = run
      .stdout()
      .split("\n")
      .filter((line) => /^(ran|failed) \//.test(line));
    expect(went).toEqual(programs.map((file) => `ran ${file}`));
  } finally {
    await removeFolder(dir);
  }
});

async function markdownUnder(folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true });
  return entries.filter((entry) => entry.endsWith(".md")).map((entry) => join(folder, entry));
}

/** Fenced blocks marked `ts`. Fragments that cannot stand alone are marked otherwise. */
function examplesOf(markdown: string): string[] {
  return [...markdown.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match) => match[1] ?? "");
}

async function compile(folder: string): Promise<string> {
  const tsc = join(dirname(fileURLToPath(import.meta.resolve("typescript/package.json"))), "bin/tsc");
  const run = promisify(execFile)(process.execPath, [tsc, "-p", folder, "--pretty", "false"]);
  return await run.then(
    ({ stdout }) => stdout,
    // tsc reports on stdout and exits non-zero.
    (failure: unknown) => String(failure instanceof Error && "stdout" in failure ? failure.stdout : failure),
  );
}
