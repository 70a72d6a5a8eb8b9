/** A grant that is revoked while its receiver writes through several processes' doors, on every store. */
import { holdfast, kind, type Principal } from "holdfast";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";

import { durableStores, openAlone, openDurable } from "../lib/durable-stores.ts";

const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }) });
const kinds = [Basket] as const;
const alice: Principal = { issuer: "test", subject: "alice", scopes: [] };
const bob: Principal = { issuer: "test", subject: "bob", scopes: [] };
const rounds = 8;

describe.each(durableStores)("on %s", (name) => {
  const closing: AsyncDisposable[] = [];
  const doors: Awaited<ReturnType<typeof openDoor>>[] = [];

  async function openDoor(url: string) {
    const store = await openAlone(url);
    const hold = await holdfast({ store, kinds, reap: false });
    closing.unshift(hold, store);
    return hold;
  }

  beforeAll(async () => {
    const durable = await openDurable(name);
    closing.unshift(durable);
    for (let n = 0; n < 3; n++) doors.push(await openDoor(durable.url));
  });

  afterAll(async () => {
    // Holds before their stores, and those before their servers.
    for (const one of closing) await one[Symbol.asyncDispose]();
  });

  test("nothing is written through a grant once its revocation was answered, and what was answered before is there", async () => {
    const [owner, ...guests] = doors.map((door, index) => door.state(index === 0 ? alice : bob).basket);
    if (owner === undefined) throw new Error("no door is open");
    for (let round = 1; round <= rounds; round++) {
      const { id } = await owner.create();
      const { grant: write } = await owner.share(id, { with: bob, access: "write" });
      const { grant: read } = await owner.share(id, { with: bob, access: "read" });
      let counted = 0;
      let listed = 0;
      let isRevoked = false;
      let late = 0;
      const refusals: unknown[] = [];
      const untilRefused = async (change: () => Promise<unknown>, done: () => void): Promise<void> => {
        for (;;) {
          const begunLate = isRevoked;
          try {
            await change();
          } catch (error) {
            refusals.push(error);
            return;
          }
          if (begunLate) late += 1;
          done();
        }
      };
      const writing = guests.flatMap((guest, door) => [
        untilRefused(
          () => guest.increment(write, "n"),
          () => {
            counted += 1;
          },
        ),
        untilRefused(
          () => guest.update(write, ({ items }) => void items.push(`${door} ${items.length}`)),
          () => {
            listed += 1;
          },
        ),
      ]);
      await expect.poll(() => Math.min(counted, listed), { timeout: 30_000, interval: 1 }).toBeGreaterThan(3);
      const { version } = await owner.get(id);
      expect(await owner.revoke(write)).toBe(true);
      isRevoked = true;
      await Promise.all(writing);
      expect(late).toBe(0);
      expect(refusals).toHaveLength(writing.length);
      for (const refusal of refusals) expect(refusal).toMatchObject({ code: "NOT_FOUND" });
      const left = await owner.get(id);
      expect(left.counters.get("n")).toBe(counted);
      expect(left.value.items).toHaveLength(listed);
      expect(left.version).toBeGreaterThanOrEqual(version);
      // The other grant of the same record is as it was.
      expect((await guests[0]?.get(read))?.version).toBe(left.version);
      await expect(guests[1]?.increment(read, "n")).rejects.toMatchObject({ code: "FORBIDDEN" });
      await owner.destroy(id);
      await expect(guests[1]?.get(read)).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
  }, 120_000);
});
