/** What one principal may have of names that are remembered: at the limits themselves, not at smaller ones. */
import { expect, it } from "vitest";
import { z } from "zod";

import { backings } from "../../../../../test/lib/backings.ts";
import { holdfast } from "../../hold.ts";
import { localUser } from "../../security/principal.ts";
import { kind } from "../kind.ts";

const Tally = kind("tally", { schema: z.object({}), initial: () => ({}) });
const other = { ...localUser, subject: "other" };

it("100,000 keys of one principal are remembered, and one more is refused; nobody else notices", async () => {
  await using hold = await holdfast({ store: "memory:", kinds: [Tally] });
  const { tally } = hold.state(localUser);
  const { id } = await tally.create();
  for (let n = 0; n < 100_000; n += 1_000) {
    await Promise.all(
      Array.from({ length: 1_000 }, (_, m) => tally.increment(id, "n", 1, { idempotency: { key: `${n + m}` } })),
    );
  }
  await expect(tally.increment(id, "n", 1, { idempotency: { key: "more" } })).rejects.toMatchObject({
    code: "QUOTA_EXCEEDED",
  });
  expect(await tally.increment(id, "n", 1, { idempotency: { key: "7" } })).toMatchObject({ replayed: true });
  expect(await tally.increment(id, "n")).toMatchObject({ value: 100_001 });
  const theirs = hold.state(other).tally;
  const { id: their } = await theirs.create();
  expect(await theirs.increment(their, "n", 1, { idempotency: { key: "more" } })).toMatchObject({ value: 1 });
}, 60_000);

it.each(backings)(
  "a record has 1,000 streams and 1,000 counters, and not one more, on %s",
  async (_name, open) => {
    await using backing = await open();
    await using hold = await holdfast({ store: await backing.open(), kinds: [Tally] });
    const { tally } = hold.state(localUser);
    const { id } = await tally.create();
    const all = Array.from({ length: 1_000 }, (_, n) => `s${n}`);
    await Promise.all(all.flatMap((name) => [tally.append(id, name, 1), tally.increment(id, name)]));
    await expect(tally.append(id, "more", 1)).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    await expect(tally.increment(id, "more")).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    expect(await tally.append(id, "s0", 2)).toMatchObject({ position: 2 });
    expect(await tally.increment(id, "s999")).toMatchObject({ value: 2 });
  },
  60_000,
);
