import { describe, it } from "vitest";

import type { Store } from "../../store/contract.ts";
import { describeConformance, type StoreUnderTest } from "../../testing/index.ts";
import { tieredStoreAhead } from "./store.ts";
import { pairForThisFile } from "./temporary.test-kit.ts";

const options = pairForThisFile();

async function openTemporary(alter: (store: Store) => Store): Promise<StoreUnderTest> {
  let ahead = 0;
  const open = async (): Promise<Store> => alter(await tieredStoreAhead(options(), () => ahead));
  return {
    store: await open(),
    reopen: open,
    peer: open,
    advanceClock: (ms) => {
      ahead += ms;
    },
  };
}

const capabilities = ["reopen", "peer", "advanceClock"] as const;

describeConformance({ describe, it }, "the tiered store", () => openTemporary((store) => store), { capabilities });

// Nothing of the contract needs the answer that a cache would have had before: what was committed is known to it.
describeConformance({ describe, it }, "the tiered store, read through its cache", () => openTemporary(throughCache), {
  capabilities,
});

function throughCache(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === "read") {
        const read: Store["read"] = (owner, key, given) => target.read(owner, key, { ...given, replica: true });
        return read;
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
