import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

import { referenceExamplesOf } from "./reference-examples.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

it("compiles every TypeScript example of the README, the documentation, and the comments of the library", async () => {
  const pages = ["README.md", ...(await markdownUnder("docs"))];
  const given = await readFile(new URL("around-examples.ts", import.meta.url), "utf8");
  // Under test/, so that the examples find the same packages a user has.
  const folder = join(root, "test/.examples");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  try {
    let written = 0;
    for (const page of pages) {
      const text = await readFile(join(root, page), "utf8");
      const examples = page.startsWith("docs/api/") ? referenceExamplesOf(text, given) : examplesOf(text);
      for (const [index, example] of examples.entries()) {
        const name = `${page.replaceAll(/[^A-Za-z0-9]+/g, "-")}-${index}.ts`;
        await writeFile(join(folder, name), `${example}\nexport {};\n`);
        written += 1;
      }
    }
    await writeFile(
      join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: "../../tsconfig.tests.json",
        compilerOptions: { noEmit: true, incremental: false, noUnusedLocals: false },
        include: ["*.ts"],
      }),
    );
    expect(written).toBeGreaterThan(0);
    const said = await compile(folder);
    expect(said).toBe("");
  } finally {
    await rm(folder, { recursive: true, force: true });
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
