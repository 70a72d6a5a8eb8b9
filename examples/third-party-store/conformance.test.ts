import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeConformance } from "holdfast/testing";
import { describe, it } from "vitest";

import { journalStore } from "./store.ts";

describeConformance(
  { describe, it },
  "a store in a journal",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "journal-store-"));
    let ahead = 0;
    const open = () => journalStore({ path: join(folder, "journal"), clock: () => Date.now() + ahead });
    const advanceClock = (ms: number) => void (ahead += ms);
    const dispose = async () => rmSync(folder, { recursive: true });
    return { store: await open(), reopen: open, advanceClock, dispose };
  },
  { capabilities: ["reopen", "advanceClock"] },
);
