/** `holdfast conformance` and `holdfast bench`. */
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { removeFolder, runServer, temporaryFolder } from "../lib/server-process.ts";

let dir: string;
beforeAll(async () => {
  dir = await temporaryFolder();
});
afterAll(() => removeFolder(dir));

async function moduleOf(name: string, source: string): Promise<string> {
  const file = join(dir, name);
  const memory = import.meta.resolve("holdfast/stores/memory");
  await writeFile(file, `import { memoryStore } from ${JSON.stringify(memory)};\n${source}`);
  return file;
}

const sound = `export const openStore = async () => {
  let ahead = 0;
  const store = await memoryStore({ clock: () => Date.now() + ahead });
  return { store, advanceClock: (ms) => { ahead += ms; } };
};
export const capabilities = ["advanceClock"];`;

it("a store that keeps the contract conforms", async () => {
  const file = await moduleOf("sound.mjs", sound);
  const run = await runServer({ args: ["conformance", file, "--only", "V1,S1,R4"], cwd: dir });
  expect(run.code).toBe(0);
  expect(run.stdout).toMatch(/^group +passed +failed +excepted +not run\nversions and floors +1 +0 +0 +0\n/);
  expect(run.stdout).toMatch(/\nconforms \(seed \d+\)\n$/);
  expect(run.stderr).toMatch(/^checking +100% +3 of 3 requirements/m);
});

it("a store that does not is told which requirement it breaks, and can be told again", async () => {
  const file = await moduleOf(
    "broken.mjs",
    `export default async () => {
      const store = await memoryStore();
      const erase = async () => 0;
      return { store: Object.assign(Object.create(store), { admin: { ...store.admin, erase } }) };
    };`,
  );
  const args = ["conformance", file, "--only", "M8,V1", "--seed", "7", "--json"];
  const run = await runServer({ args, cwd: dir });
  expect(run.code).toBe(4);
  const { ok, seed, outcomes } = JSON.parse(run.stdout);
  expect([ok, seed]).toEqual([false, 7]);
  expect(outcomes.find(({ id }: { id: string }) => id === "M8")).toMatchObject({
    outcome: "failed",
    error: expect.stringContaining("M8 (rule admin, seed 7)"),
  });
});

it.each([
  ["nowhere.mjs", "there is no file"],
  ["empty.mjs", "has to export a function openStore"],
])("%s is no store: %s", async (name, reason) => {
  await writeFile(join(dir, "empty.mjs"), "export const nothing = 1;");
  const run = await runServer({ args: ["conformance", name], cwd: dir });
  expect(run).toMatchObject({ code: 2, stdout: "" });
  expect(run.stderr).toContain(reason);
});

it("an unknown requirement is refused", async () => {
  const file = await moduleOf("sound.mjs", sound);
  const run = await runServer({ args: ["conformance", file, "--only", "V999"], cwd: dir });
  expect([run.code, run.stderr]).toEqual([2, expect.stringContaining('there is no requirement "V999"')]);
});

it("the bench measures, puts the machine beside it, and leaves nothing behind", async () => {
  const store = `sqlite:${join(dir, "data", "state.db")}`;
  const run = await runServer({ args: ["bench", "--store", store, "--time", "200ms", "--json"], cwd: dir });
  expect(run.code).toBe(0);
  const { kind, rows } = JSON.parse(run.stdout);
  expect(kind).toBe("sqlite");
  expect(rows.map(({ what }: { what: string }) => what)).toEqual([
    "400 bytes and fsync",
    "write, one after another",
    "write, 64 at once",
    "read, one after another",
    "read, 64 at once",
  ]);
  for (const { perSecond, p50Ms } of rows) expect([perSecond > 0, p50Ms > 0]).toEqual([true, true]);
  // Not the folder either, which was not there before.
  expect(await readdir(dir)).not.toContain("data");
});
