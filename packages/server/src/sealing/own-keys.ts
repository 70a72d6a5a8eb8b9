import { randomBytes } from "node:crypto";
import { link, rm, writeFile } from "node:fs/promises";
import { type SealingKeys, sealingKeysFromFile } from "holdfast";

/**
 * A key of our own, in a file that is made when something is first to be sealed: beside the database, for its owner's eyes
 * only. It protects copies, dumps and backups of the database that come without it, and nothing from whoever has both.
 */
export function ownKeys(path: string): SealingKeys {
  let opened: Promise<SealingKeys> | undefined;
  const open = (): Promise<SealingKeys> => {
    opened ??= sealingKeysFromFile(path).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  return {
    current: async () => {
      await makeFile(path);
      return await (await open()).current();
    },
    // Without a file nothing was sealed by us: a key that is asked for then is gone.
    find: async (id) => await (await open().catch(ifMissing))?.find(id),
  };
}

/** A key that lives as long as this process, for a store that does too. */
export function passingKey(): { readonly current: string; readonly keys: Readonly<Record<string, string>> } {
  return { current: "1", keys: { 1: randomBytes(32).toString("base64") } };
}

/** Whole or not at all, and once, whichever process is first. */
async function makeFile(path: string): Promise<void> {
  const mine = `${path}.${randomBytes(6).toString("hex")}`;
  const id = new Date().toISOString().slice(0, 10);
  const ring = { current: id, keys: { [id]: randomBytes(32).toString("base64") } };
  try {
    await writeFile(mine, `${JSON.stringify(ring)}\n`, { mode: 0o600, flag: "wx" });
    await link(mine, path);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  } finally {
    await rm(mine, { force: true });
  }
}

function ifMissing(error: unknown): undefined {
  if (error instanceof Error && isCode(error.cause, "ENOENT")) return undefined;
  throw error;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
