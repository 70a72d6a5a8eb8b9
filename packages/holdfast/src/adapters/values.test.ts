import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type Backing, backings } from "../../../../test/lib/backings.ts";
import { race } from "../testing/race.ts";
import { applicationOwner, applicationQuota } from "./application.ts";
import { Values } from "./values.ts";

const owner = applicationOwner("test", {});
const day = { idleMs: 86_400_000 };

describe.each(backings)("values on %s", (_name, makeBacking) => {
  let backing: Backing;
  let doors: readonly [Values, Values];
  beforeEach(async () => {
    backing = await makeBacking();
    const init = { owner, kind: "holdfast.test", quota: applicationQuota({ maxBytes: 10_000 }), listed: true };
    doors = [
      new Values({ ...init, store: await backing.open() }),
      new Values({ ...init, store: await backing.open() }),
    ];
  });
  afterEach(async () => {
    await backing[Symbol.asyncDispose]();
  });

  it("are given to one taker of many", async () => {
    await doors[0].put("code", { for: "alice" }, day);
    const { values } = await race(40, (lane) => (lane % 2 === 0 ? doors[0] : doors[1]).take("code"));
    expect(values.filter((value) => value !== undefined)).toEqual([{ for: "alice" }]);
    // What is put anew is another.
    await doors[1].put("code", 2, day);
    expect(await doors[0].take("code")).toBe(2);
  });

  it("are not lost to a taker of the one before", async () => {
    for (let round = 0; round < 30; round += 1) {
      await doors[0].put("code", `old ${round}`, day);
      const [taken] = await Promise.all([doors[0].take("code"), doors[1].put("code", `new ${round}`, day)]);
      const left = await doors[0].take("code");
      expect([taken, left]).toContain(`new ${round}`);
    }
  });

  it("lose no change of many", async () => {
    const { rejected } = await race(30, (lane) =>
      (lane % 2 === 0 ? doors[0] : doors[1]).change("sum", (before) => Number(before ?? 0) + 1, day),
    );
    expect([rejected, await doors[0].get("sum")]).toEqual([0, 30]);
    await doors[0].change("sum", () => undefined, day);
    expect(await doors[1].has("sum")).toBe(false);
    await doors[1].change("sum", () => undefined, day);
  });

  it("live as long as they are read, or as they were told", async () => {
    await doors[0].put("idle", 1, { idleMs: 10_000 });
    await doors[0].put("fixed", 2, { absoluteMs: 10_000 });
    for (let times = 0; times < 3; times += 1) {
      backing.clock.advance(6_000);
      expect(await doors[1].get("idle")).toBe(1);
    }
    expect(await doors[1].get("fixed")).toBeUndefined();
    expect(await doors[1].names()).toEqual(["idle"]);
    // A value that is put again begins anew.
    await doors[0].put("idle", 3, { absoluteMs: 1_000 });
    backing.clock.advance(1_001);
    expect(await doors[1].get("idle")).toBeUndefined();
  });

  it("have a bound together, and none but JSON", async () => {
    await expect(doors[0].put("large", "x".repeat(20_000), day)).rejects.toMatchObject({ code: "QUOTA_EXCEEDED" });
    await expect(doors[0].put("none", undefined, day)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await doors[0].names()).toEqual([]);
  });
});
