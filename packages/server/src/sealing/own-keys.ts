import { randomBytes } from "node:crypto";
import { link, open as openFile, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { type SealingKeys, sealingKeysFromFile } from "holdfast";
import { HoldfastError } from "holdfast/contract";

import { isForeign } from "./foreign.ts";

/**
 * A key of our own, in a file that is made when something is first to be sealed: beside the database, for its owner's eyes
 * only. It protects copies, dumps and backups of the database that come without it, and nothing from whoever has both.
 */
export function ownKeys(path: string): SealingKeys {
  let made: Promise<void> | undefined;
  let opened: Promise<SealingKeys> | undefined;
  const open = (): Promise<SealingKeys> => {
    opened ??= read().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const read = async (): Promise<SealingKeys> => {
    await mustBeOurs(path);
    return await sealingKeysFromFile(path);
  };
  return {
    current: async () => {
      made ??= makeFile(path).catch((error: unknown) => {
        made = undefined;
        throw error;
      });
      await made;
      return await (await open()).current();
    },
    // Without a file nothing was sealed by us: a key that is asked for then is gone.
    find: async (id) => await (await open().catch(ifMissing))?.find(id),
  };
}

/**
 * Whoever may write into the folder can put a key there that they know, and would read all that is sealed from then on. Groups
 * are how platforms share a volume.
 */
async function mustBeOurs(path: string): Promise<void> {
  if (process.getuid === undefined) return;
  const [file, folder] = await Promise.all([path, dirname(path)].map((each) => stat(each).catch(() => undefined)));
  if (file === undefined) return;
  const isTheirs = isForeign(file, folder);
  if (!isTheirs && (file.mode & 0o002) === 0) return;
  throw new HoldfastError(
    "CONFIGURATION",
    `the file with the sealing key ${path} ${isTheirs ? "belongs to another user" : "can be written by everybody"}, ` +
      "who may know what is in it: make sure that it is the one this server made, then chown and chmod 600 it",
  );
}

/** A key that lives as long as this process, for a store that does too. */
export function passingKey(): { readonly current: string; readonly keys: Readonly<Record<string, string>> } {
  return { current: "1", keys: { 1: randomBytes(32).toString("base64") } };
}

/**
 * Whole or not at all, and once, whichever process is first. On the disk before anything is sealed with it: the database
 * is on the disk with every commit, and what it holds could not be opened after a loss of power that took the key.
 */
async function makeFile(path: string): Promise<void> {
  const mine = `${path}.${randomBytes(6).toString("hex")}`;
  const id = new Date().toISOString().slice(0, 10);
  const ring = { current: id, keys: { [id]: randomBytes(32).toString("base64") } };
  try {
    await using file = await openFile(mine, "wx", 0o600);
    await file.writeFile(`${JSON.stringify(ring)}\n`);
    await file.sync();
    await link(mine, path);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  } finally {
    await rm(mine, { force: true });
  }
  await syncFolder(dirname(path));
}

/** Windows opens no folder, and writes its entries down by itself. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  await using folder = await openFile(path, "r");
  await folder.sync();
}

function ifMissing(error: unknown): undefined {
  if (error instanceof Error && isCode(error.cause, "ENOENT")) return undefined;
  throw error;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
