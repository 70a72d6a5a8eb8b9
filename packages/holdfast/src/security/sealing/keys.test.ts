import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";

import { sealingKeysFromFile } from "./keys.ts";

const secret = (n: number): string => Buffer.alloc(32, n).toString("base64");

it("a new current key counts for everybody who asks while the file is looked at, for whatever reason", async () => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-ring-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "seal.json");
  await writeFile(path, JSON.stringify({ current: "a", keys: { a: secret(1) } }));
  const keys = await sealingKeysFromFile(path);
  await writeFile(path, JSON.stringify({ current: "b", keys: { a: secret(1), b: secret(2) } }));
  const now = performance.now();
  const clock = vi.spyOn(performance, "now").mockReturnValue(now + 60_000);
  onTestFinished(() => clock.mockRestore());
  const [, current] = await Promise.all([keys.find("a"), keys.current()]);
  expect(current.id).toBe("b");
});

it("a key that another node took from the file a moment ago is found here at once, and one that is gone is not", async () => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-ring-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "seal.json");
  const put = async (current: string, keys: Readonly<Record<string, string>>): Promise<void> => {
    await writeFile(`${path}.new`, JSON.stringify({ current, keys }));
    await rename(`${path}.new`, path);
  };
  await put("a", { a: secret(1) });
  const keys = await sealingKeysFromFile(path);
  expect(await keys.find("b")).toBeUndefined();
  await put("b", { a: secret(1), b: secret(2) });
  expect(Buffer.from((await keys.find("b"))?.secret ?? []).toString("base64")).toBe(secret(2));
  expect((await keys.current()).id).toBe("b");
  await put("b", { b: secret(2) });
  expect(await keys.find("c")).toBeUndefined();
  expect(await keys.find("a")).toBeUndefined();
  await writeFile(path, "{ half");
  expect(await keys.find("a")).toBeUndefined();
  expect((await keys.find("b"))?.id).toBe("b");
});
