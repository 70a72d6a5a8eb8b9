import { setTimeout as delay } from "node:timers/promises";

import type { SessionDeps } from "./deps.ts";

/**
 * Resolves once no node trusts any more what it had read of a session before now. A client that is told only then finds
 * what it changed on every node, whichever takes its next request.
 */
export async function knownEverywhere({ store, options }: SessionDeps): Promise<void> {
  if (store.traits.shared) await delay(options.trustMs);
}
