import { expect, it } from "vitest";

import type { Store } from "../../store/contract.ts";
import { checkAgainstModel } from "../../testing/model/check-against-model.test-kit.ts";
import { postgresStoreAhead } from "./store.ts";
import { connectFor, databaseForThisFile } from "./temporary.test-kit.ts";

const database = databaseForThisFile();

it("answers as the model of the contract does, one operation at a time and many at once", async () => {
  const seed = Date.now() % 2 ** 31;
  const connection = await connectFor(database());
  const first = await postgresStoreAhead({ url: database() }, () => 0);
  await first.close();
  // The model's clock stands still between steps; the server's does not, and so is set aside.
  await connection.query(
    "create or replace function holdfast.now_1(_ahead bigint) returns bigint language sql volatile as $$ select _ahead $$",
  );
  const open = (clock: () => number): Promise<Store> => postgresStoreAhead({ url: database() }, clock);
  await expect(
    checkAgainstModel(async ({ clock }) => ({ store: await open(clock), reopen: () => open(clock) }), {
      runs: 60,
      seed,
    }),
  ).resolves.toBeUndefined();
}, 120_000);
