import { describe, it } from "vitest";

import type { Store } from "../../store/contract.ts";
import { describeConformance, type StoreUnderTest } from "../../testing/index.ts";
import { redisStoreWithClock } from "./store.ts";
import { storeForThisFile } from "./temporary.test-kit.ts";

const options = storeForThisFile();

async function openTemporary(): Promise<StoreUnderTest> {
  let ahead = 0;
  const open = (): Promise<Store> => redisStoreWithClock(options(), () => `+${ahead}`);
  return {
    store: await open(),
    reopen: open,
    peer: open,
    advanceClock: (ms) => {
      ahead += ms;
    },
  };
}

describeConformance({ describe, it }, "the Redis store", openTemporary, {
  capabilities: ["reopen", "peer", "advanceClock"],
});
