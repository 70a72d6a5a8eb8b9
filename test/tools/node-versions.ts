/**
 * `npm run test:node-versions`: the suites of the embedded stores on other versions of Node, whose own SQLite may be
 * used there instead of the packaged one. Run from the repository's root; `-- 24` runs one version only.
 */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type NodeMajor, nodeBinary } from "./install.ts";

const majors: readonly NodeMajor[] = [22, 24, 26];
const suites = [
  "packages/holdfast/src/stores",
  "packages/holdfast/src/record",
  "packages/holdfast/src/store",
  "test/sqlite",
];

type Counts = { readonly passed: number; readonly failed: number };

const wanted = process.argv.slice(2);
const chosen = majors.filter((major) => wanted.length === 0 || wanted.includes(String(major)));
if (chosen.length === 0) throw new Error(`no such version: ${wanted.join(", ")}. There are: ${majors.join(", ")}`);

const summary: string[] = [];
for (const major of chosen) {
  const node = await nodeBinary(major);
  const { passed, failed } = await runSuites(node);
  // A run in which nothing was found has proved nothing.
  if (failed > 0 || passed === 0) process.exitCode = 1;
  summary.push(`Node ${major} (SQLite ${await bundledSqlite(node)} of its own): ${passed} passed, ${failed} failed`);
}
console.log(`\n${summary.join("\n")}`);

async function runSuites(node: string): Promise<Counts> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-versions-"));
  try {
    const report = join(folder, "report.json");
    const env = { ...process.env, HOLDFAST_TEST_REPORT: report };
    const code = await start(node, ["node_modules/vitest/vitest.mjs", "run", ...suites], env);
    const { passed, failed } = countsOf(await readFile(report, "utf8"));
    // What fails outside of a test (a suite that does not load, an error nobody caught) shows in the exit code alone.
    return { passed, failed: code === 0 ? failed : Math.max(failed, 1) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function start(node: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { env, stdio: "inherit" });
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

async function bundledSqlite(node: string): Promise<string> {
  const child = spawn(node, ["-p", "process.versions.sqlite"], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  for await (const chunk of child.stdout.setEncoding("utf8")) text += String(chunk);
  return text.trim();
}

function countsOf(report: string): Counts {
  const parsed: unknown = JSON.parse(report);
  if (typeof parsed !== "object" || parsed === null) throw new Error("the test report is no object");
  if (!report.includes("/stores/sqlite/")) throw new Error("no test of the SQLite store was among those that ran");
  const passed = "numPassedTests" in parsed ? Number(parsed.numPassedTests) : Number.NaN;
  const failed = "numFailedTests" in parsed ? Number(parsed.numFailedTests) : Number.NaN;
  if (Number.isNaN(passed) || Number.isNaN(failed)) throw new Error("the test report has no counts");
  return { passed, failed };
}
