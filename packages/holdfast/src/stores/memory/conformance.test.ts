import { describe, it } from "vitest";

import { describeConformance, type StoreUnderTest } from "../../testing/index.ts";
import { memoryStore } from "./index.ts";

async function open(): Promise<StoreUnderTest> {
  let ahead = 0;
  const store = await memoryStore({ clock: () => Date.now() + ahead });
  return {
    store,
    advanceClock: (ms) => {
      ahead += ms;
    },
  };
}

describeConformance({ describe, it }, "the memory store", open, { capabilities: ["advanceClock"] });
