/** The ready server on one Redis, twice: what one began the other goes on with. */
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";

import { valueOf } from "../clients/caller.ts";
import { removeFolder, type ServerProcess, startServer } from "../lib/server-process.ts";
import { askRedis, type RedisServer, startRedis } from "../lib/servers/redis.ts";
import { connect, type Era } from "../server/connect.ts";

let database: RedisServer;
beforeAll(async () => {
  database = await startRedis();
});
afterAll(() => database.stop());

async function startOne(url: string): Promise<ServerProcess> {
  const server = await startServer({ store: url });
  onTestFinished(async () => {
    await server.kill();
    await removeFolder(server.dir);
  });
  return server;
}

it.each<Era>(["2025", "2026"])(
  "shares sessions between nodes, and loses none with a node (%s clients)",
  async (era) => {
    const [one, other] = await Promise.all([startOne(database.url), startOne(database.url)]);
    await using first = await connect(one.url, era);
    await using second = await connect(other.url, era);
    const { session_id } = await valueOf(first.call("create_session"));
    const add = (connection: typeof first): Promise<unknown> =>
      valueOf(connection.call("increment_counter", { session_id, name: "n" }));
    await Promise.all(Array.from({ length: 40 }, (_, index) => add(index % 2 === 0 ? first : second)));
    await one.kill();
    expect(await add(second)).toEqual({ session_id, name: "n", value: 41 });
  },
);

it("never prints the password of Redis", async () => {
  const url = new URL(database.url);
  url.password = "hunter2";
  expect(await askRedis(database.port, "CONFIG SET requirepass hunter2")).toBe("+OK\r\n");
  const server = await startOne(url.href);
  await server.stop();
  expect(server.stdout() + server.stderr()).toContain("redis://");
  expect(server.stdout() + server.stderr()).not.toContain("hunter2");
});
