import { setTimeout as delay } from "node:timers/promises";

import { mintId, mintSecret, ownerOf } from "../../record/ids.ts";
import type { Owner } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import { CheckFailed } from "./check.ts";
import type { Capability, Context, OpenStore, StoreUnderTest } from "./requirement.ts";
import { seededRandom } from "./seeded.ts";

const eventuallyMs = 10_000;

/** A context that closes everything it opened. */
export interface OwnedContext extends Context {
  dispose(): Promise<void>;
}

/** Opens the store for one requirement. Throws if it offers more or less than was declared. */
export async function openContext(
  openStore: OpenStore,
  capabilities: readonly Capability[],
  seed: number,
): Promise<OwnedContext> {
  const subject = await openStore();
  for (const capability of ["reopen", "peer", "advanceClock"] as const) {
    const declared = capabilities.includes(capability);
    const offered = subject[capability] !== undefined;
    if (declared === offered) continue;
    await subject.store.close();
    await subject.dispose?.();
    throw new CheckFailed(`"${capability}" is ${declared ? "declared but not offered" : "offered but not declared"}`);
  }
  return contextOf(subject, capabilities, seed);
}

function contextOf(subject: StoreUnderTest, capabilities: readonly Capability[], seed: number): OwnedContext {
  const opened: Store[] = [subject.store];
  const random = seededRandom(seed);
  let current = subject.store;

  const keep = (store: Store): Store => {
    opened.push(store);
    return store;
  };

  return {
    get store() {
      return current;
    },
    capabilities,
    owner: (): Owner => ownerOf({ issuer: "conformance", subject: mintSecret(132) }),
    id: () => mintId("rec"),
    random,
    peer: async () => keep(await offered(subject.peer, "peer")()),
    reopen: async () => {
      await current.close();
      current = keep(await offered(subject.reopen, "reopen")());
      return current;
    },
    elapse: async (ms) => {
      if (subject.advanceClock !== undefined) await subject.advanceClock(ms);
      else await delay(ms);
    },
    eventually,
    dispose: async () => {
      for (const store of opened.reverse()) await store.close();
      await subject.dispose?.();
    },
  };
}

function offered<T>(means: T | undefined, name: Capability): T {
  if (means === undefined) throw new CheckFailed(`the requirement uses "${name}" without naming it among its needs`);
  return means;
}

async function eventually(what: string, probe: () => boolean | Promise<boolean>): Promise<void> {
  const until = performance.now() + eventuallyMs;
  while (!(await probe())) {
    if (performance.now() > until) throw new CheckFailed(`${what}: not within ${eventuallyMs} ms`);
    await delay(5);
  }
}
