import { existsSync } from "node:fs";
import { expect, it } from "vitest";

import { askRedis, startRedis } from "./redis.ts";

it("keeps what it was given across kill -9, as its append-only file promises, and leaves nothing behind", async () => {
  const server = await startRedis();
  try {
    expect(await askRedis(server.port, "SET kept 1")).toBe("+OK\r\n");
    await server.crash();
    expect(await askRedis(server.port, "GET kept")).toBe("$1\r\n1\r\n");
    const policy = await askRedis(server.port, "CONFIG GET maxmemory-policy");
    expect(policy).toContain("noeviction");
  } finally {
    await server.stop();
  }
  expect(existsSync(server.folder)).toBe(false);
  await expect(askRedis(server.port, "PING")).rejects.toThrow("ECONNREFUSED");
});
