/** What expires of a kind that retains it is told once in the whole fleet, long before it is removed. */
import { describe, expect, it } from "vitest";
import { z } from "zod";

import { backings } from "../../../../test/lib/backings.ts";
import { holdfast } from "../hold.ts";
import { localUser, ownerOfPrincipal } from "../security/principal.ts";
import { kind } from "../state/kind.ts";
import { Sdk } from "./telemetry.test-kit.ts";

const minute = 60_000;
const Receipt = kind("receipt", { schema: z.object({}), initial: () => ({}), idle: "10m", retain: "1h" });

describe.each(backings)("on %s", (_name, openBacking) => {
  it("state changes, listeners and metrics have it at the sweep after its expiry, and only once when it is removed", async () => {
    await using backing = await openBacking();
    await using sdk = new Sdk();
    const changes: string[] = [];
    const over: string[] = [];
    const node = async () => {
      const hold = await holdfast({
        store: await backing.open(),
        kinds: [Receipt],
        telemetry: sdk.options,
        reap: { every: "20ms" },
        onStateChange: ({ change, kind: of }) => {
          if (of === "receipt" && change !== "created") changes.push(change);
        },
      });
      hold.onEnded(({ kind: of, id, cause }) => {
        if (of === "receipt") over.push(`${id} ${cause}`);
      });
      return hold;
    };
    const store = await backing.open();
    await using one = await node();
    await using other = await node();
    const ids = [];
    for (let index = 0; index < 3; index += 1) ids.push((await one.state(localUser).receipt.create()).id);
    const ended = await other.state(localUser).receipt.create();
    await other.state(localUser).receipt.destroy(ended.id);
    const told = [...ids.map((id) => `${id} expired`), `${ended.id} ended`].toSorted();

    backing.clock.advance(10 * minute);
    await expect.poll(() => over.toSorted(), { timeout: 10_000, interval: 5 }).toEqual(told);
    expect(changes).toEqual(["ended", "expired", "expired", "expired"]);
    expect((await sdk.points()).get("holdfast.reaper.closed{}")).toBe(3);
    const owner = ownerOfPrincipal(localUser);
    const standing = await Promise.all(ids.map((id) => store.admin.inspect(owner, { kind: "receipt", id })));
    expect(standing.map((record) => record?.document)).toEqual(["{}", "{}", "{}"]);

    backing.clock.advance(60 * minute);
    const left = async (): Promise<number> => (await store.admin.scan({ limit: 100, owner })).records.length;
    await expect.poll(left, { timeout: 10_000, interval: 5 }).toBe(0);
    // That one was ended is said again when it goes, as of any record; of an expiry nothing is said again.
    await expect.poll(() => over.length, { timeout: 10_000, interval: 5 }).toBe(5);
    expect(over.toSorted()).toEqual([...told, `${ended.id} ended`].toSorted());
    expect(changes).toHaveLength(4);
    expect((await sdk.points()).get("holdfast.reaper.closed{}")).toBe(3);
    expect((await sdk.points()).get("holdfast.reaper.removed{cause=expired}")).toBeGreaterThanOrEqual(3);
  });
});
