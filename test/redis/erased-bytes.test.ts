/** When what was erased is out of the files of a Redis server, as its page says: once the append-only file was rewritten. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { holdfast, kind, openStore, type Principal } from "holdfast";
import { forgetOwner, ownerOfIdentity } from "holdfast/admin";
import { expect, onTestFinished, test } from "vitest";
import { z } from "zod";

import { askRedis, startRedis } from "../lib/servers/redis.ts";

const Note = kind("note", { schema: z.object({ text: z.string() }) });
const alice: Principal = { issuer: "test", subject: "alice", scopes: [] };
const bob: Principal = { issuer: "test", subject: "bob", scopes: [] };

/** Everything in the server's folder. A file that is deleted while it is looked for is gone. */
async function bytesIn(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const texts = await Promise.all(files.map((file) => readFile(file, "latin1").catch(() => "")));
  return texts.join("\n");
}

test("what was erased stays in the append-only file until that is rewritten, and no longer", async () => {
  const server = await startRedis(["--appendfsync", "always"]);
  onTestFinished(() => server.stop());
  await using store = await openStore(server.url);
  await using hold = await holdfast({ store, kinds: [Note], reap: false });
  await hold.state(alice).note.create({ text: "a-secret-of-alice" });
  await hold.state(bob).note.create({ text: "a-word-of-bob" });

  await forgetOwner(store, ownerOfIdentity(alice));
  expect(await bytesIn(server.folder)).toContain("a-secret-of-alice");

  await askRedis(server.port, "BGREWRITEAOF");
  const persistence = async (): Promise<string> => await askRedis(server.port, "INFO persistence");
  await expect.poll(persistence, { timeout: 30_000 }).toMatch(/aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0/);
  expect(await persistence()).toContain("aof_last_bgrewrite_status:ok");
  await expect.poll(() => bytesIn(server.folder), { timeout: 30_000 }).not.toContain("a-secret-of-alice");
  expect(await bytesIn(server.folder)).toContain("a-word-of-bob");

  await server.crash();
  expect((await hold.state(bob).note.list()).records).toHaveLength(1);
  expect((await hold.state(alice).note.list()).records).toEqual([]);
});
