import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { ConnectionRegistry } from "./connections.ts";

const nobody = (): { streams: number; warm: number } => ({ streams: 0, warm: 0 });

describe("ConnectionRegistry", () => {
  it("admits so many connections, and another for each that ends", () => {
    const registry = new ConnectionRegistry(2);
    const releases = [registry.open(), registry.open()];
    expect(registry.open()).toBeUndefined();
    releases[0]?.();
    releases[0]?.();
    expect(registry.view(nobody).open).toBe(1);
    expect(registry.open()).toBeDefined();
    expect(registry.open()).toBeUndefined();
  });

  it("counts a socket once, until it closes", () => {
    const registry = new ConnectionRegistry(1);
    const [first, second] = [new EventEmitter(), new EventEmitter()];
    expect([registry.openSocket(first), registry.openSocket(first), registry.openSocket(second)]).toEqual([
      true,
      true,
      false,
    ]);
    first.emit("close");
    expect(registry.openSocket(second)).toBe(true);
    expect(second.listenerCount("close")).toBe(1);
  });

  it("resolves when the last of what is under way is done, also of what began meanwhile", async () => {
    const registry = new ConnectionRegistry(1);
    const [exchange, call] = [registry.exchange(), registry.call()];
    let idle: boolean | undefined;
    const waiting = registry.whenIdle(new AbortController().signal).then((done) => {
      idle = done;
    });
    exchange();
    const later = registry.call();
    call();
    await new Promise(setImmediate);
    expect(idle).toBeUndefined();
    later();
    later();
    await waiting;
    expect(idle).toBe(true);
    expect(registry.view(nobody)).toMatchObject({ callsInFlight: 0, callsTotal: 2 });
  });

  it("stops waiting when it is told to", async () => {
    const registry = new ConnectionRegistry(1);
    registry.call();
    expect(await registry.whenIdle(AbortSignal.abort())).toBe(false);
    const stop = new AbortController();
    const waiting = registry.whenIdle(stop.signal);
    stop.abort();
    expect(await waiting).toBe(false);
  });
});
