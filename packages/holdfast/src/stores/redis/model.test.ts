import { expect, it } from "vitest";

import type { Store } from "../../store/contract.ts";
import { checkAgainstModel } from "../../testing/model/check-against-model.test-kit.ts";
import { redisStoreWithClock } from "./store.ts";
import { storeForThisFile } from "./temporary.test-kit.ts";

const options = storeForThisFile();

it("answers as the model of the contract does, one operation at a time and many at once", async () => {
  const seed = Date.now() % 2 ** 31;
  let runs = 0;
  await expect(
    checkAgainstModel(
      async ({ clock }) => {
        runs += 1;
        // A run of its own must not be swept together with what others left.
        const own = { ...options(), prefix: `${options().prefix}${runs}:` };
        const open = (): Promise<Store> => redisStoreWithClock(own, () => `@${clock()}`);
        return { store: await open(), reopen: open };
      },
      { runs: 60, seed },
    ),
  ).resolves.toBeUndefined();
}, 120_000);
