import { expect, it } from "vitest";

import { connectionBreaker } from "./breaker.ts";

it("opens after failures in a row, lets nobody try, and closes again with the first try that succeeds", async () => {
  const breaker = connectionBreaker({ failures: 3, openMs: 30 });
  const failing = (): Promise<void> => breaker.attempt(() => Promise.reject(new Error("down")));
  for (const _ of [1, 2]) await expect(failing()).rejects.toThrow("down");
  await breaker.attempt(() => Promise.resolve());
  for (const _ of [1, 2]) await expect(failing()).rejects.toThrow("down");
  expect(breaker.isOpen).toBe(false);
  await expect(failing()).rejects.toThrow("down");
  expect(breaker.isOpen).toBe(true);

  let tries = 0;
  const trying = (): Promise<number> => breaker.attempt(async () => (tries += 1));
  await expect(trying()).rejects.toThrow(/breaker/i);
  expect(tries).toBe(0);
  const until = performance.now() + 10_000;
  while (tries === 0 && performance.now() < until) {
    await trying().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect([tries, breaker.isOpen]).toEqual([1, false]);
});
