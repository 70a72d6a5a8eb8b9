/** What adapters keep and say, on every store that processes can share. */
import { type Hold, holdfast } from "holdfast";
import { tokenStorage } from "holdfast/adapters/fastmcp";
import { streamManager } from "holdfast/adapters/mcp-use";
import { resumableSession, sharedEventBus } from "holdfast/adapters/sdk";
import { race } from "holdfast/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { type DurableStore, durableStores, openDurable } from "../lib/durable-stores.ts";
import { poll } from "../lib/waiting.ts";
import { alice } from "./two-nodes.ts";

describe.each(durableStores.filter((name) => name !== "sqlite"))("on %s", (name) => {
  let durable: DurableStore;
  let one: Hold<readonly []>;
  let other: Hold<readonly []>;
  beforeAll(async () => {
    durable = await openDurable(name);
    [one, other] = [await holdfast({ store: durable.url }), await holdfast({ store: durable.url })];
  });
  afterAll(async () => {
    await Promise.all([one.close(), other.close()]);
    await durable[Symbol.asyncDispose]();
  });

  it("a token is taken once", async () => {
    const storages = [tokenStorage(one), tokenStorage(other)];
    await storages[0]?.save("code", { for: "alice" }, 60);
    const { values } = await race(30, (lane) => storages[lane % 2]?.take("code"));
    expect(values.filter((value) => value !== null)).toEqual([{ for: "alice" }]);
  });

  it("what is sent to a stream arrives once, in order", async () => {
    const errors: unknown[] = [];
    const options = { onError: (error: unknown) => void errors.push(error) };
    const [here, there] = [streamManager(one, options), streamManager(other, options)];
    await Promise.all([here.ready(), there.ready()]);
    const heard: string[] = [];
    const enqueue = (bytes?: Uint8Array): void => void heard.push(new TextDecoder().decode(bytes));
    await here.create("session", { enqueue, close: () => undefined });
    const sent = Array.from({ length: 100 }, (_, n) => `data: ${n}\n\n`);
    await Promise.all(sent.map((data) => there.send(["session"], data)));
    await poll(() => (heard.length >= sent.length ? true : undefined), "everything arrives");
    expect(heard).toEqual(sent);
    await Promise.all([here.close(), there.close()]);
    expect(errors).toEqual([]);
  });

  it("a stream goes on where another process reads it", async () => {
    const session = resumableSession(one, alice);
    const elsewhere = resumableSession(other, alice, { sessionId: session.sessionId });
    const ids: string[] = [];
    for (const id of [1, 2, 3]) ids.push(await session.eventStore.storeEvent("s", { jsonrpc: "2.0", id, result: {} }));
    const replayed: string[] = [];
    const send = async (eventId: string): Promise<void> => void replayed.push(eventId);
    expect(await elsewhere.eventStore.replayEventsAfter(ids[0] ?? "", { send })).toBe("s");
    expect(replayed).toEqual(ids.slice(1));
  });

  it("a change is heard by all", async () => {
    const [here, there] = [sharedEventBus(one), sharedEventBus(other)];
    const heard: unknown[] = [];
    here.subscribe((event) => void heard.push(event));
    await here.ready();
    const event = { kind: "resource_updated", uri: "a://b" } as const;
    there.publish(event);
    await poll(() => (heard.length > 0 ? true : undefined), "it is heard");
    expect(heard).toEqual([event]);
    await Promise.all([here.close(), there.close()]);
  });
});
