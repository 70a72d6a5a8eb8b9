import { describe, it } from "vitest";

import type { Store } from "../../store/contract.ts";
import { describeConformance, type StoreUnderTest } from "../../testing/index.ts";
import { postgresStoreAhead } from "./store.ts";
import { databaseForThisFile } from "./temporary.test-kit.ts";

const database = databaseForThisFile();

async function openTemporary(): Promise<StoreUnderTest> {
  let ahead = 0;
  const open = (): Promise<Store> => postgresStoreAhead({ url: database() }, () => ahead);
  return {
    store: await open(),
    reopen: open,
    peer: open,
    advanceClock: (ms) => {
      ahead += ms;
    },
  };
}

describeConformance({ describe, it }, "the PostgreSQL store", openTemporary, {
  capabilities: ["reopen", "peer", "advanceClock"],
});
