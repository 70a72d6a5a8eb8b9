/** `npm run bench` as a person has it: what it says of itself, and what it leaves behind, however it ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { removeFolder, temporaryFolder } from "../lib/server-process.ts";
import { poll, within } from "../lib/waiting.ts";
import { findRoot } from "../tools/root.ts";

let dir: string;
/** Where it makes its folders. */
let tmp: string;
beforeEach(async () => {
  dir = await temporaryFolder();
  tmp = join(dir, "tmp");
  await mkdir(tmp);
});
afterEach(() => removeFolder(dir));

type Bench = {
  readonly child: ChildProcess;
  readonly over: Promise<{ readonly code: number | null; readonly signal: string | null; readonly said: string }>;
};

async function bench(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Bench> {
  const main = join(await findRoot(), ".cache", "build", "bench", "main.js");
  const child = spawn(process.execPath, [main, ...words], { cwd: dir, env: { ...process.env, TMPDIR: tmp, ...env } });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (text) => (said += text));
  const over = new Promise<Awaited<Bench["over"]>>((resolve) =>
    child.once("close", (code, signal) => resolve({ code, signal, said })),
  );
  return { child, over };
}

async function ended(
  words: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<Awaited<Bench["over"]>> {
  const { over } = await bench(words, env);
  return await within(over, 100_000, () => `bench ${words.join(" ")} did not end`);
}

/** Those that work in our folder or below it: the benchmark, its nodes, and its servers in the folder it made. */
async function processesIn(folder: string): Promise<readonly string[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const cwds = await Promise.all(ids.map((id) => readlink(`/proc/${id}/cwd`).catch(() => "")));
  return cwds.filter((cwd) => cwd.startsWith(folder));
}

/** A measurement in the middle, with a Redis and nodes of its own. */
async function underWay(): Promise<Bench> {
  const started = await bench(["http-redis", "--short"]);
  await poll(async () => ((await processesIn(tmp)).length > 0 ? true : undefined), "a server of the benchmark", 60_000);
  return started;
}

it("names every option and every part, and says what is wrong with others", async () => {
  const { code, said } = await ended(["--help"]);
  expect(code).toBe(0);
  for (const word of [
    "--short",
    "--write",
    "--render",
    "--help",
    "sqlite",
    "http-postgres",
    "HOLDFAST_BENCH_REDIS_URL",
  ]) {
    expect(said).toContain(word);
  }
  const lines = said.split("\n");
  expect([lines.length <= 50, Math.max(...lines.map(({ length }) => length)) <= 130]).toEqual([true, true]);
  for (const [words, wrong] of [
    [["sqllite"], 'there is no part "sqllite", only sqlite, '],
    [["--shrot"], "--shrot"],
    [["--short", "--write"], "--write needs the full rounds"],
    [["--render", "sqlite"], "--render stands alone"],
  ] as const) {
    const refused = await ended(words);
    expect([refused.code, refused.said]).toEqual([2, expect.stringContaining(wrong)]);
    expect(refused.said).toContain("npm run bench -- --help");
  }
});

describe.skipIf(process.platform !== "linux")("of what it made nothing is left", () => {
  it("when it has measured", { timeout: 120_000 }, async () => {
    const { code, said } = await ended(["sqlite", "--short"]);
    expect([code, said]).toEqual([0, expect.stringContaining("P1")]);
    expect([await readdir(tmp), await processesIn(dir)]).toEqual([[], []]);
  });

  it("when it fails in the middle", { timeout: 120_000 }, async () => {
    const { code } = await ended(["first-request", "--short"], { HOLDFAST_BENCH_REDIS_URL: "redis://127.0.0.1:1" });
    expect(code).toBe(1);
    expect([await readdir(tmp), await processesIn(dir)]).toEqual([[], []]);
  });

  it.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)("when it is told to stop (%s)", { timeout: 120_000 }, async (signal, wanted) => {
    const { child, over } = await underWay();
    child.kill(signal);
    const { code } = await within(over, 60_000, () => "the benchmark did not end");
    expect(code).toBe(wanted);
    expect([await readdir(tmp), await processesIn(dir)]).toEqual([[], []]);
  });

  it("when it is killed: of its processes", { timeout: 120_000 }, async () => {
    const { child } = await underWay();
    child.kill("SIGKILL");
    const isOver = async (): Promise<true | undefined> => ((await processesIn(dir)).length === 0 ? true : undefined);
    expect(await poll(isOver, "the end of all of them", 60_000)).toBe(true);
  });
});
