/** The contract holds above the seal as below it: callers cannot tell a sealed store from a plain one. */
import { describe, it } from "vitest";
import { sealingKeys } from "../../security/sealing/keys.ts";
import { Sealer } from "../../security/sealing/sealer.ts";
import { memoryStore } from "../../stores/memory/index.ts";
import { describeConformance, type Exception, type StoreUnderTest } from "../../testing/index.ts";
import { sealedStore } from "./sealed-store.ts";

const keys = sealingKeys({ current: "k", keys: { k: Buffer.alloc(32, 7).toString("base64") } });

async function open(): Promise<StoreUnderTest> {
  let ahead = 0;
  const store = await memoryStore({ clock: () => Date.now() + ahead });
  // What was put in by the admin door is whatever the suite made up.
  const sealer = new Sealer({ keys, acceptUnsealed: true, onAlarm: () => undefined });
  return {
    store: sealedStore({ store, sealer, lenient: sealer, policy: () => whole }),
    advanceClock: (ms) => {
      ahead += ms;
    },
  };
}

const whole = { document: true, events: true, mayBePlain: false } as const;
const grows = "ciphertext is longer than what it hides, and bytes are those that are stored";
const admin = "the admin door shows what is stored, which is ciphertext";
const elsewhere = "what was sealed for one place opens in no other";
const because = (reason: string, ids: readonly string[]): readonly Exception[] => ids.map((id) => ({ id, reason }));

const exceptions = [
  ...because(grows, ["L6", "Q1", "Q2", "Q6", "Q8", "Q9", "Q10", "Q11", "K1", "K2", "O1", "O2", "O3", "O4", "O6"]),
  ...because(admin, ["A7", "M3", "M6"]),
  ...because(elsewhere, ["B1", "B2", "B4", "B5", "B7", "E15", "R4", "R7"]),
];

describeConformance({ describe, it }, "a sealed memory store", open, { capabilities: ["advanceClock"], exceptions });
