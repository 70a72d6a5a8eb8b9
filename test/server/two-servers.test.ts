/** The ready server, twice on one store: what one began the other goes on with. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";

import { valueOf } from "../clients/caller.ts";
import { type DurableStore, durableStores, openDurable } from "../lib/durable-stores.ts";
import { removeFolder, type ServerProcess, startServer } from "../lib/server-process.ts";
import { askRedis } from "../lib/servers/redis.ts";
import { connect, type Era } from "./connect.ts";

async function startOne(url: string): Promise<ServerProcess> {
  const server = await startServer({ store: url });
  onTestFinished(async () => {
    await server.kill();
    await removeFolder(server.dir);
  });
  return server;
}

describe.each(durableStores)("on %s", (name) => {
  let store: DurableStore;
  beforeAll(async () => {
    store = await openDurable(name);
  });
  afterAll(() => store[Symbol.asyncDispose]());

  it.each<Era>(["2025", "2026"])(
    "shares sessions between nodes, and loses none with a node (%s clients)",
    async (era) => {
      const [one, other] = await Promise.all([startOne(store.url), startOne(store.url)]);
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

  // A file has none.
  if (name === "sqlite") return;
  it("never prints the password of a database", async () => {
    const server = await startOne(await withPassword(store.url));
    await server.stop();
    expect(server.stdout() + server.stderr()).toContain(name === "tiered" ? "tiered:" : `${name}://`);
    expect(server.stdout() + server.stderr()).not.toContain("hunter2");
  });
});

/** The servers of tests let everybody in; Redis takes no password that nobody asked for. */
async function withPassword(store: string): Promise<string> {
  const urls = store.match(/\w+:\/\/[^,]+/g) ?? [];
  let secured = store;
  for (const text of urls) {
    const url = new URL(text);
    if (url.protocol === "redis:") {
      expect(await askRedis(Number(url.port), "CONFIG SET requirepass hunter2")).toBe("+OK\r\n");
    }
    url.password = "hunter2";
    secured = secured.replace(text, url.href);
  }
  return secured;
}
