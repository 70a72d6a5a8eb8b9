import type { IncomingMessage, ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { Traffic } from "./quiet.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

/** A request as a listener gets it, whose content nobody looks at. */
function request(traffic: Traffic): void {
  traffic.watch(() => {})({} as IncomingMessage, {} as ServerResponse);
}

async function settled(promise: Promise<void>): Promise<boolean> {
  let done = false;
  void promise.then(() => (done = true));
  await vi.advanceTimersByTimeAsync(0);
  return done;
}

it("is quiet at once where nobody has sent anything of late", async () => {
  const traffic = new Traffic();
  expect(await settled(traffic.quiet(250, 3_000))).toBe(true);
  request(traffic);
  await vi.advanceTimersByTimeAsync(250);
  expect(await settled(traffic.quiet(250, 3_000))).toBe(true);
});

it("waits until nothing has come for a while", async () => {
  const traffic = new Traffic();
  request(traffic);
  const quiet = traffic.quiet(250, 3_000);
  await vi.advanceTimersByTimeAsync(200);
  request(traffic);
  await vi.advanceTimersByTimeAsync(200);
  expect(await settled(quiet)).toBe(false);
  await vi.advanceTimersByTimeAsync(50);
  expect(await settled(quiet)).toBe(true);
});

it("gives up waiting where somebody never stops", async () => {
  const traffic = new Traffic();
  request(traffic);
  const quiet = traffic.quiet(250, 3_000);
  for (let passed = 0; passed < 2_900; passed += 100) {
    await vi.advanceTimersByTimeAsync(100);
    request(traffic);
  }
  expect(await settled(quiet)).toBe(false);
  await vi.advanceTimersByTimeAsync(100);
  expect(await settled(quiet)).toBe(true);
});
