/** Where the keys come from that seal what is stored. */
import { readFile, stat } from "node:fs/promises";
import { HoldfastError, isHoldfastError } from "../../record/errors.ts";

/** One key of a ring, and the name it goes by. */
export type SealingKey = {
  /** Stands beside what it sealed: 1 to 32 letters, digits, "-" and "_". Never used again for another key. */
  readonly id: string;
  /** At least 32 bytes. */
  readonly secret: Uint8Array;
};

/**
 * A ring of keys: one seals, all open. Implement it for a service that keeps keys; answers may be remembered for half a
 * minute. What it throws is `UNAVAILABLE` to callers.
 */
export interface SealingKeys {
  /** The key that seals what is written from now on. */
  current(): SealingKey | Promise<SealingKey>;
  /** The key of this id; undefined if there is none, or none any more. */
  find(id: string): SealingKey | undefined | Promise<SealingKey | undefined>;
}

/**
 * A ring without keys, for a hold that has kinds which say `sealed` and is opened all the same: using those is refused
 * (`CONFIGURATION`), and everything else is as without sealing.
 */
export const noSealingKeys: SealingKeys = {
  current: () => {
    throw new HoldfastError("CONFIGURATION", "there are no sealing keys");
  },
  find: () => undefined,
};

/** A service that keeps keys may be down: that is no broken seal. */
export async function askForKey<Value>(ask: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await ask();
  } catch (error) {
    if (isHoldfastError(error)) throw error;
    throw new HoldfastError("UNAVAILABLE", "the sealing keys cannot be had", { cause: error });
  }
}

type Ring = { readonly current: SealingKey; readonly byId: ReadonlyMap<string, SealingKey> };

/**
 * Keys that the program holds, written as `{ "current": "2026-11", "keys": { "2026-11": "<32 bytes as base64>" } }`: an object,
 * or its JSON text, as from an environment variable. Throws `CONFIGURATION`; a message never repeats a key.
 *
 * @example
 * const keys = sealingKeys(process.env["SEAL_KEYS"] ?? "");
 * const sealed = await holdfast({ store: "sqlite:./state.db", kinds: [Basket], sealing: { keys, everything: true } });
 */
export function sealingKeys(
  ring: string | { readonly current: string; readonly keys: Readonly<Record<string, string>> },
): SealingKeys {
  const { current, byId } = readRing(
    typeof ring === "string" ? parsed(ring, "the sealing keys") : ring,
    "the sealing keys",
  );
  return { current: () => current, find: (id) => byId.get(id) };
}

const lookAgainMs = 5_000;

/**
 * The same from a file, which may be replaced while the server runs: it is looked at again every five seconds while it is in
 * use, and at once for a key that is not in it. A file that is broken at that moment changes nothing. Throws `CONFIGURATION` if it cannot be used to begin with.
 *
 * @example
 * const keys = await sealingKeysFromFile("/run/secrets/seal.json");
 * const sealed = await holdfast({ store: "sqlite:./state.db", kinds: [Basket], sealing: { keys, everything: true } });
 */
export async function sealingKeysFromFile(path: string): Promise<SealingKeys> {
  const read = async (): Promise<Ring> => readRing(parsed(await readFile(path, "utf8"), path), path);
  const stampOf = async (): Promise<string> => {
    const { mtimeMs, size, ino } = await stat(path);
    return `${mtimeMs}/${size}/${ino}`;
  };
  let stamp: string;
  let ring: Ring;
  try {
    stamp = await stampOf();
    ring = await read();
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new HoldfastError("CONFIGURATION", `the sealing keys in ${path} cannot be read: ${reason}`, { cause: error });
  }
  let lookedAt = performance.now();
  let looking: Promise<Ring> | undefined;
  const fresh = async (withinMs = lookAgainMs): Promise<Ring> => {
    // Who asks while somebody looks waits for it: an answer of before would be remembered for another while.
    if (looking === undefined && performance.now() - lookedAt < withinMs) return ring;
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return await looking;
  };
  const look = async (): Promise<Ring> => {
    lookedAt = performance.now();
    try {
      const now = await stampOf();
      if (now !== stamp) [ring, stamp] = [await read(), now];
    } catch {
      // What it held goes on to count: half a file is not the absence of keys.
    }
    return ring;
  };
  return {
    current: async () => (await fresh()).current,
    // Another node may have taken a new key from the same file a moment ago, and sealed with it.
    find: async (id) => (await fresh()).byId.get(id) ?? (await fresh(0)).byId.get(id),
  };
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes what it stumbled over, which may be a key.
    throw wrong(where, "this is not valid JSON");
  }
}

function readRing(given: unknown, where: string): Ring {
  if (!isObject(given) || !isObject(given["keys"]) || typeof given["current"] !== "string") {
    throw wrong(where, 'they are written as { "current": "ID", "keys": { "ID": "<32 bytes as base64>" } }');
  }
  const byId = new Map(Object.entries(given["keys"]).map(([id, text]) => [id, readKey(id, text, where)]));
  const current = byId.get(given["current"]);
  if (current === undefined) throw wrong(where, '"current" names no key that is there');
  return { current, byId };
}

function readKey(id: string, text: unknown, where: string): SealingKey {
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(id)) throw wrong(where, 'the id of a key has 1 to 32 letters, digits, "-" and "_"');
  const secret = Buffer.from(typeof text === "string" ? text : "", "base64");
  if (secret.length < 32) throw wrong(where, `the key "${id}" has fewer than 32 bytes as base64`);
  return { id, secret };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(where: string, problem: string): HoldfastError {
  return new HoldfastError("CONFIGURATION", `${where} cannot be used: ${problem}`);
}
