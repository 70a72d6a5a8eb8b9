import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Owner } from "holdfast/contract";
import { afterEach, beforeEach, expect, it } from "vitest";

import { journalStore } from "./store.ts";

const owner = "somebody".padEnd(32, "_") as Owner;
const key = { kind: "note", id: "note_1" };

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "journal-store-"));
  path = join(folder, "journal");
});
afterEach(() => rmSync(folder, { recursive: true }));

async function written(count: number): Promise<void> {
  await using store = await journalStore({ path });
  await store.commit(owner, [{ ...key, expect: "any", create: { text: "{}", lifetime: {} } }]);
  for (let index = 0; index < count; index += 1) {
    await store.commit(owner, [{ ...key, expect: "present", appends: [{ stream: "log", data: [`${index}`] }] }]);
  }
}

it("what a crash cut short is cut off, and everything before it is there", async () => {
  await written(3);
  const whole = readFileSync(path, "utf8");
  appendFileSync(path, whole.split("\n").at(-2)?.slice(0, 40) ?? "");
  await using store = await journalStore({ path });
  expect((await store.read(owner, key)).record?.streams.get("log")?.head).toBe(3);
  expect(readFileSync(path, "utf8")).toBe(whole);
});

it("a line that was changed is refused, not guessed at", async () => {
  await written(3);
  writeFileSync(path, readFileSync(path, "utf8").replace('"data":["1"]', '"data":["7"]'));
  await expect(journalStore({ path })).rejects.toMatchObject({ code: "STORE_CORRUPT", message: /line 4 of / });
});

it("a file is one process's at a time", async () => {
  await using store = await journalStore({ path });
  await expect(journalStore({ path })).rejects.toMatchObject({ code: "CONFIGURATION" });
  await store.close();
  await (await journalStore({ path })).close();
});
