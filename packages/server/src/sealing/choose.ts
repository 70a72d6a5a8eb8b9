import { resolve } from "node:path";
import { noSealingKeys, type SealingKeys, type SealingOptions, sealingKeys, sealingKeysFromFile } from "holdfast";

import type { Settings } from "../settings/table.ts";
import { ownKeys, passingKey } from "./own-keys.ts";

export type ChosenSealing = {
  readonly options: SealingOptions;
  /** Whether there is a key for what is secret. */
  readonly hasKeys: boolean;
  /** One line for whoever starts the server. */
  readonly summary: string;
};

type Given = Pick<Settings, "store" | "sealKeys" | "sealAcceptUnsealed">;

/** What is sealed, and with which keys. Throws `CONFIGURATION` for keys that cannot be used. */
export async function chooseSealing(settings: Given): Promise<ChosenSealing> {
  const { sealKeys, sealAcceptUnsealed: acceptUnsealed, store } = settings;
  if (sealKeys !== undefined) {
    const options = { keys: await givenKeys(sealKeys), everything: true, acceptUnsealed };
    return { options, hasKeys: true, summary: "everything that is stored, with the keys given" };
  }
  if (store.startsWith("memory:")) {
    return { options: { keys: sealingKeys(passingKey()) }, hasKeys: true, summary: "sensitive data" };
  }
  const path = ownKeysPath(store);
  if (path !== undefined) {
    return {
      options: { keys: ownKeys(path) },
      hasKeys: true,
      summary: `sensitive data, with a key of its own in ${path}`,
    };
  }
  // Nodes share such a store, and would have to share a key that nobody has given them.
  return { options: { keys: noSealingKeys }, hasKeys: false, summary: "nothing: give --seal-keys" };
}

/** For commands that look into a store: the keys that open it, where there are any. */
export async function keysToOpen({
  sealKeys,
  store,
}: Pick<Given, "sealKeys" | "store">): Promise<SealingKeys | undefined> {
  if (sealKeys !== undefined) return await givenKeys(sealKeys);
  const path = ownKeysPath(store);
  return path === undefined ? undefined : ownKeys(path);
}

/** A file that others can read is their matter; the keys themselves are never shown. */
async function givenKeys(given: string): Promise<SealingKeys> {
  return given.trimStart().startsWith("{") ? sealingKeys(given) : await sealingKeysFromFile(resolve(given));
}

function ownKeysPath(store: string): string | undefined {
  const sqlite = "sqlite:";
  return store.startsWith(sqlite) ? `${resolve(store.slice(sqlite.length))}.keys.json` : undefined;
}
