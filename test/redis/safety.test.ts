import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Owner } from "holdfast/contract";
import { redisStore } from "holdfast/stores/redis";
import { tieredStore } from "holdfast/stores/tiered";
import { expect, it, onTestFinished } from "vitest";

import { askRedis, type RedisServer, startRedis } from "../lib/servers/redis.ts";

async function serverWith(...settings: readonly string[]): Promise<RedisServer> {
  const server = await startRedis(settings);
  onTestFinished(() => server.stop());
  return server;
}

const unsafe = (message: RegExp): object => ({ code: "STORE_UNSAFE", message: expect.stringMatching(message) });

it("refuses a server without an append-only file, naming setting, value and remedy, unless that is accepted by name", async () => {
  const { url } = await serverWith("--appendonly", "no");
  await expect(redisStore({ url })).rejects.toMatchObject(
    unsafe(/appendonly no.*set appendonly yes.*accept: \["appendonly=no"\] in code, or \?accept=appendonly=no behind/),
  );
  await using store = await redisStore({ url: `${url}?accept=appendonly=no` });
  expect(store.traits.durability).toBe("none");
  const { durability, warnings } = await store.health();
  expect(durability).toContain("Nothing survives");
  expect(warnings.join()).toContain("(accepted)");
});

it("refuses a server that may evict, or leaves flushing to the system", async () => {
  const { url } = await serverWith("--maxmemory-policy", "allkeys-lru", "--appendfsync", "no");
  await expect(redisStore({ url })).rejects.toMatchObject(unsafe(/appendfsync no.*set appendfsync everysec/));
  const accept = ["appendfsync=no"] as const;
  await expect(redisStore({ url, accept })).rejects.toMatchObject(
    unsafe(/policy allkeys-lru.*set maxmemory-policy noeviction.*\?accept=appendfsync=no,maxmemory-policy behind/),
  );
  await using store = await redisStore({ url, accept: ["appendfsync=no", "maxmemory-policy"] });
  expect([store.traits.durability, (await store.health()).durability]).toEqual([
    "none",
    expect.stringContaining("throws away what it likes once it is full (maxmemory-policy allkeys-lru)"),
  ]);
});

it("says how much may be lost where the system flushes, and warns once the server was told to evict", async () => {
  const { url, port } = await serverWith("--appendfsync", "no");
  await using store = await redisStore({ url, accept: ["appendfsync=no"] });
  expect((await store.health()).durability).toContain("half a minute");
  await askRedis(port, "CONFIG SET maxmemory-policy allkeys-lfu");
  expect((await store.health()).warnings.join()).toContain("since the store was opened (allkeys-lfu)");
});

it("refuses a server that is too old, unless that is accepted by name", async () => {
  const { port } = await serverWith();
  const url = `redis://127.0.0.1:${await whoClaimsToBeOld(port)}`;
  await expect(redisStore({ url })).rejects.toMatchObject(
    unsafe(/has version 6\..*7\.0 is the oldest.*update it.*accept: \["old-server"\]/),
  );
  await using store = await redisStore({ url, accept: ["old-server"] });
  expect((await store.health()).warnings.join()).toMatch(/has version 6\..*\(accepted\)/);

  // As a cache too, where the names stand behind the URL of Redis. Past it, there is no PostgreSQL here.
  const postgres = "postgres://nobody@127.0.0.1:1/none";
  await expect(tieredStore({ redis: url, postgres })).rejects.toMatchObject(unsafe(/has version 6\..*old-server/));
  await expect(tieredStore({ redis: `${url}?accept=old-server`, postgres })).rejects.toMatchObject({
    code: "UNAVAILABLE",
  });
});

/** A way to the server on which it passes for one of an earlier release. Answers the port. */
async function whoClaimsToBeOld(port: number): Promise<number> {
  const between = createServer((client) => {
    const server = connect(port, "127.0.0.1");
    client.pipe(server);
    server.on("data", (data) => {
      client.write(data.toString("latin1").replace(/(?<what>redis_version:)\d/, "$<what>6"), "latin1");
    });
    for (const socket of [client, server]) {
      socket.on("error", () => undefined);
      socket.on("close", () => [client, server].forEach((end) => end.destroy()));
    }
  });
  await once(between.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    between.close();
  });
  const address = between.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  return address.port;
}

it("refuses a replica, and says so when a primary becomes one", async () => {
  const primary = await serverWith();
  await using store = await redisStore({ url: primary.url });
  const other = await serverWith("--replicaof", `127.0.0.1 ${primary.port}`);
  await expect(redisStore({ url: other.url })).rejects.toMatchObject(unsafe(/role: slave.*name its primary/));

  const owner = "replica-owner-0123456789abcdefgh" as Owner;
  const make = { kind: "note", id: "n", expect: "absent", create: { text: "{}", lifetime: {} } } as const;
  expect(await store.commit(owner, [make])).toMatchObject({ ok: true });
  await askRedis(other.port, "REPLICAOF NO ONE");
  await askRedis(primary.port, `REPLICAOF 127.0.0.1 ${other.port}`);
  await expect(store.commit(owner, [{ ...make, id: "lost" }])).rejects.toMatchObject({ code: "UNAVAILABLE" });
  const { ok, warnings } = await store.health();
  expect([ok, warnings.join()]).toEqual([false, expect.stringContaining("has become a replica")]);
});

it("tells what each way of flushing is worth, and warns where the server hides it", async () => {
  const always = await serverWith("--appendfsync", "always", "--maxmemory", "1gb");
  await using strict = await redisStore({ url: always.url });
  expect(strict.traits.durability).toBe("host");
  expect(await strict.health()).toMatchObject({ ok: true, warnings: [] });

  const managed = await serverWith("--rename-command", "CONFIG", "");
  await using blind = await redisStore({ url: managed.url });
  const { ok, durability, warnings } = await blind.health();
  expect(ok).toBe(true);
  expect(durability).toContain("cannot be told");
  expect(warnings.join()).toMatch(/hides how often it flushes.*no maxmemory/);
});

it("lets in only who has the password, and never prints it", async () => {
  const { url, port } = await serverWith();
  expect(await askRedis(port, "CONFIG SET requirepass hunter2")).toBe("+OK\r\n");
  await using store = await redisStore({ url: `redis://:hunter2@127.0.0.1:${port}` });
  expect((await store.health()).ok).toBe(true);
  for (const wrong of [url, `redis://:wrong-hunter@127.0.0.1:${port}`]) {
    const refused = await redisStore({ url: wrong }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "CONFIGURATION" });
    expect(String(refused)).not.toContain("hunter");
  }
});
