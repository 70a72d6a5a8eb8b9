import { spawnSync } from "node:child_process";
import { hostname } from "node:os";
import { expect, test } from "vitest";

import { ownerOf } from "../../record/ids.ts";
import { memoryStore } from "../../stores/memory/index.ts";
import { eventually } from "./bridge.test-kit.ts";
import { NodeLife, placeOfProcesses } from "./node-life.ts";

test("a node lives while it says so, and a little longer", async () => {
  let now = 1_000_000;
  await using store = await memoryStore({ clock: () => now });
  const errors: unknown[] = [];
  const [one, other] = ["one", "other"].map((node) => new NodeLife(store, node, (error) => errors.push(error))) as [
    NodeLife,
    NodeLife,
  ];
  expect(await one.stateOf("one")).toBe("alive");
  expect(await other.stateOf("one")).toBe("silent");
  const end = one.begin();
  await eventually(async () => (await other.stateOf("one")) === "alive");
  end();
  now += 9_000;
  expect(await other.stateOf("one")).toBe("alive");
  now += 2_000;
  expect(await other.stateOf("one")).toBe("silent");
  one.begin();
  await eventually(async () => (await other.stateOf("one")) === "alive");
  await one.close();
  expect(await other.stateOf("one")).toBe("silent");
  await other.close();
  expect(errors).toEqual([]);
});

test("a process of this place that has ended is dead at once; one of another machine or container of the same name is not", async () => {
  await using store = await memoryStore();
  const { pid } = spawnSync(process.execPath, ["--version"]);
  const nodes = ownerOf({ issuer: "holdfast", subject: "nodes" });
  const say = (id: string, where: object) =>
    store.commit(nodes, [
      {
        kind: "holdfast.node",
        id,
        expect: "absent",
        create: { text: JSON.stringify({ ...where, pid }), lifetime: { idleMs: 10_000 } },
      },
    ]);
  const place = placeOfProcesses();
  await say("here", { place });
  await say("elsewhere", { host: hostname(), place: place.replace(/\d+/g, "1") });
  const life = new NodeLife(store, "me", () => undefined);
  expect(await life.stateOf("here")).toBe("dead");
  expect(await life.stateOf("elsewhere")).toBe("alive");
});
