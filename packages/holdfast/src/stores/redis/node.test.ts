import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { RedisNode } from "./node.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] }));
afterEach(() => void vi.useRealTimers());

it("closes at once while it tries to come back, though the try fails only then", async () => {
  let fail: (error: Error) => void = () => undefined;
  const open = (): Promise<never> =>
    new Promise((_, reject) => {
      fail = reject;
    });
  const node = new RedisNode({ name: "nobody", open, connectTimeoutMs: 1_000, pingMs: 1_000 });
  node.wake();
  const closed = node.close();
  fail(new Error("connection refused"));
  // No timer runs here: a process whose last timer waits for nobody would end in the middle of this.
  await expect(closed).resolves.toBeUndefined();
});
