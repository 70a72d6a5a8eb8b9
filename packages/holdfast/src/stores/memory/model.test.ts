import { it } from "vitest";

import { checkAgainstModel } from "../../testing/model/check-against-model.test-kit.ts";
import { memoryStore } from "./index.ts";

it("answers as the model of the contract does, one operation at a time and many at once", async () => {
  const seed = Date.now() % 2 ** 31;
  await checkAgainstModel(async (settings) => ({ store: await memoryStore(settings) }), { runs: 500, seed });
});
