import type { ServerEvent } from "@modelcontextprotocol/server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ownerOf } from "../record/ids.ts";
import type { Store } from "../store/contract.ts";
import { memoryStore } from "../stores/memory/index.ts";
import { EventBus } from "./bus.ts";

const alice = ownerOf({ issuer: "i", subject: "alice" });
const bob = ownerOf({ issuer: "i", subject: "bob" });

let store: Store;
let buses: EventBus[];
let errors: unknown[];

beforeEach(async () => {
  store = await memoryStore();
  errors = [];
  buses = [1, 2].map(() => new EventBus(store, (error) => errors.push(error)));
});
afterEach(async () => {
  for (const bus of buses) bus.close();
  await store.close();
});

function listening(bus: EventBus | undefined, owner?: typeof alice): { heard: ServerEvent[]; stop: () => void } {
  const heard: ServerEvent[] = [];
  const stop = bus?.subscribe((event) => heard.push(event), owner) ?? (() => undefined);
  return { heard, stop };
}

async function until(done: () => boolean): Promise<void> {
  const end = performance.now() + 2_000;
  while (!done() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 2));
  expect(done()).toBe(true);
}

describe("EventBus", () => {
  it("tells listeners here at once and once, and those elsewhere soon", async () => {
    const [here, elsewhere] = [listening(buses[0]), listening(buses[1])];
    buses[0]?.notifier().toolsChanged();
    expect(here.heard).toEqual([{ kind: "tools_list_changed" }]);
    await until(() => elsewhere.heard.length === 1);
    expect(here.heard).toHaveLength(1);
  });

  it("tells of one owner's resources that owner alone", async () => {
    const [a, b] = [listening(buses[1], alice), listening(buses[1], bob)];
    buses[0]?.notifier(alice).resourceUpdated("basket://grüße");
    buses[0]?.notifier().resourcesChanged();
    await until(() => b.heard.length === 1);
    expect(a.heard).toEqual([{ kind: "resource_updated", uri: "basket://grüße" }, { kind: "resources_list_changed" }]);
    expect(b.heard).toEqual([{ kind: "resources_list_changed" }]);
  });

  it("goes on when a listener throws or leaves while it is told", () => {
    const { heard } = listening(buses[0]);
    buses[0]?.subscribe(() => {
      throw new Error("of a listener");
    });
    const late = listening(buses[0]);
    const stop = buses[0]?.subscribe(() => stop?.());
    buses[0]?.notifier().promptsChanged();
    buses[0]?.notifier().promptsChanged();
    expect([heard.length, late.heard.length, errors.length]).toEqual([2, 2, 2]);
  });

  it("survives hints of strangers, names beyond a hint's room, and a closed store", async () => {
    const { heard } = listening(buses[0]);
    for (const hint of ["", "{", "[]", "[1,2]", '["n","unknown"]', '["n","resource_updated",5]', "null"]) {
      store.publish("holdfast.server-events", hint);
    }
    const long = `basket://${"x".repeat(500)}`;
    const elsewhere = listening(buses[1]);
    buses[0]?.notifier().resourceUpdated(long);
    buses[0]?.notifier().toolsChanged();
    await until(() => elsewhere.heard.length > 0);
    expect(heard.map(({ kind }) => kind)).toEqual(["resource_updated", "tools_list_changed"]);
    expect(elsewhere.heard).toEqual([{ kind: "tools_list_changed" }]);
    await store.close();
    buses[0]?.notifier().toolsChanged();
    expect(heard).toHaveLength(3);
  });

  it("listens to the store only while somebody listens to it", () => {
    let open = 0;
    const counting = {
      publish: () => undefined,
      subscribe: () => {
        open += 1;
        return () => {
          open -= 1;
        };
      },
    };
    const bus = new EventBus(counting, (error) => errors.push(error));
    const stops = [bus.subscribe(() => undefined), bus.subscribe(() => undefined)];
    expect(open).toBe(1);
    for (const stop of [...stops, ...stops]) stop();
    expect([open, bus.listeners]).toEqual([0, 0]);
    bus.subscribe(() => undefined);
    expect(open).toBe(1);
    bus.close();
    expect(open).toBe(0);
  });
});
