import { expect, it } from "vitest";
import { z } from "zod";

import { holdfast } from "../hold.ts";
import type { Principal } from "../security/principal.ts";
import { type SealingKeys, sealingKeys } from "../security/sealing/keys.ts";
import { kind } from "../state/kind.ts";
import { memoryStore } from "../stores/memory/index.ts";
import { resealStore } from "./reseal.ts";

const Note = kind("note", { schema: z.object({ text: z.string().default("") }) });
const keys = (current: "old" | "new"): SealingKeys =>
  sealingKeys({
    current,
    keys: { old: Buffer.alloc(32, 1).toString("base64"), new: Buffer.alloc(32, 2).toString("base64") },
  });
const principal = (subject: string): Principal => ({ issuer: "test", subject, clientId: "test", scopes: [] });

it("takes no lock from its holder and no shared record from its guest while keys are changed", async () => {
  const store = await memoryStore();
  const hold = await holdfast({ store, kinds: [Note], sealing: { keys: keys("old"), everything: true } });
  const [giver, guest] = [hold.state(principal("giver")), hold.state(principal("guest"))];
  const { id } = await giver.note.create({ text: "shared" });
  const shared = await giver.note.share(id, { with: principal("guest"), access: "write" });
  const lock = await giver.lock("build", { ttlMs: 600_000 });

  const { resealed, left } = await resealStore(store, { keys: keys("new"), kinds: [Note], everything: true });

  expect(resealed).toBeGreaterThan(0);
  expect(left.get("old")).toBeGreaterThanOrEqual(2);
  expect(await lock.renew()).toBe(true);
  expect((await guest.note.get(shared.grant)).value).toEqual({ text: "shared" });
  await guest.note.update(shared.grant, (note) => {
    note.text = "by the guest";
  });
  expect((await giver.note.get(id)).value).toEqual({ text: "by the guest" });
  await hold.close();
  await store.close();
});
