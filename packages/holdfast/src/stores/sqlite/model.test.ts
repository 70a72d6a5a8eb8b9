import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "vitest";

import { checkAgainstModel } from "../../testing/model/check-against-model.test-kit.ts";
import type { ModelSettings, ModelSubject } from "../../testing/model/subject.test-kit.ts";
import { sqliteStore } from "./index.ts";

async function openTemporary({ clock }: ModelSettings): Promise<ModelSubject> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-model-"));
  const open = (): ReturnType<typeof sqliteStore> => sqliteStore({ path: join(folder, "state.db"), clock });
  return { store: await open(), reopen: open, dispose: () => rm(folder, { recursive: true }) };
}

it("answers as the model of the contract does, one operation at a time and many at once", {
  timeout: 60_000,
}, async () => {
  await checkAgainstModel(openTemporary, { runs: 60, seed: Date.now() % 2 ** 31 });
});
