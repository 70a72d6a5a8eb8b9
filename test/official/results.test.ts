import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { removeFolder, temporaryFolder } from "../lib/server-process.ts";
import { count, readResults } from "./results.ts";

let dir: string;

beforeEach(async () => {
  dir = await temporaryFolder();
});

afterEach(() => removeFolder(dir));

async function leave(folder: string, text: string): Promise<void> {
  await mkdir(join(dir, folder));
  await writeFile(join(dir, folder, "checks.json"), text);
}

test("reads every scenario with its checks, names with dashes and digits included", async () => {
  const check = { id: "a", status: "SUCCESS", timestamp: "now", details: {} };
  await leave(
    "server-json-schema-2020-12-2026-11-20T12-20-06-032Z",
    JSON.stringify([check, { ...check, status: "INFO" }]),
  );
  const [result, ...others] = await readResults(dir);
  expect(others).toEqual([]);
  expect(result?.scenario).toBe("json-schema-2020-12");
  expect(result && count(result, "SUCCESS")).toBe(1);
});

test.each([
  ["a folder with another kind of name", "something-else", "[]", /not named like/],
  ["checks that are no JSON", "server-ping-2026-11-20T12-20-06-032Z", "oops", /JSON/],
  ["a status nobody knows", "server-ping-2026-11-20T12-20-06-032Z", '[{"id":"a","status":"MAYBE"}]', /status/],
])("refuses %s instead of finding no failure in it", async (_name, folder, text, complaint) => {
  await leave(folder, text);
  await expect(readResults(dir)).rejects.toThrow(complaint);
});
