import { chmod, chown, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

import { ownKeys } from "./own-keys.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "holdfast-keys-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

it("is one key, whoever of many is first, for its owner's eyes only, with nothing left beside it", async () => {
  const path = join(dir, "state.db.keys.json");
  const processes = Array.from({ length: 10 }, () => ownKeys(path));
  expect(await processes[0]?.find("1")).toBeUndefined();
  const keys = await Promise.all(processes.map(async (each) => await each.current()));
  expect(new Set(keys.map(({ secret }) => Buffer.from(secret).toString("hex"))).size).toBe(1);
  expect(await readdir(dir)).toEqual(["state.db.keys.json"]);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

it.skipIf(process.getuid === undefined)("seals nothing with a key that somebody else may have put there", async () => {
  const path = join(dir, "state.db.keys.json");
  await ownKeys(path).current();
  const refused = (words: string): object => ({ code: "CONFIGURATION", message: expect.stringContaining(words) });
  await chmod(path, 0o602);
  const keys = ownKeys(path);
  await expect((async () => await keys.current())()).rejects.toMatchObject(refused("can be written by everybody"));
  await expect((async () => await keys.find("1"))()).rejects.toMatchObject(refused("can be written by everybody"));
  if (process.getuid?.() === 0) {
    await chmod(path, 0o600);
    await chown(path, 12_345, 12_345);
    // To the administrator it is somebody else's all the same.
    await expect((async () => await keys.current())()).rejects.toMatchObject(refused("belongs to another user"));
    await chown(path, 0, 0);
  }
  await chmod(path, 0o600);
  expect((await keys.current()).secret).toHaveLength(32);
});

it("writes nothing for the second thing that is sealed", async () => {
  const keys = ownKeys(join(dir, "state.db.keys.json"));
  const first = await keys.current();
  const { mtimeNs } = await stat(dir, { bigint: true });
  for (let n = 0; n < 20; n += 1) expect((await keys.current()).id).toBe(first.id);
  expect((await stat(dir, { bigint: true })).mtimeNs).toBe(mtimeNs);
});
