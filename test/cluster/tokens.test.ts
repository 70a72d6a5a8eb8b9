/** What becomes of sessions whose clients come with other tokens, and of those whose tokens are narrowed or revoked. */
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Cluster } from "../lib/cluster.ts";
import { type DurableStore, durableStores, openDurable } from "../lib/durable-stores.ts";
import { describeStoresAtOnce } from "../lib/each-store.ts";
import { logsIn, openRawSession, type RawSession, rawSession, readEvents, readUntil } from "../lib/raw-session.ts";
import { removeFolder, temporaryFolder } from "../lib/server-process.ts";
import { poll, within } from "../lib/waiting.ts";
import { clientNames, connectClient } from "./client.ts";
import type { Standings } from "./fixture/auth.ts";
import { inside, startFleet } from "./fleet.ts";

const timeout = 60_000;
const reauthenticateMs = 250;

describeStoresAtOnce(durableStores, "three nodes on %s", { timeout }, (storeName) => {
  let store: DurableStore;
  let cluster: Cluster;
  let folder: string;
  const said: Record<string, Standings[string]> = {};

  beforeAll(async () => {
    store = await openDurable(storeName);
    folder = await temporaryFolder();
    cluster = await startFleet(store.url, { standings: join(folder, "standings.json"), limits: { reauthenticateMs } });
  });

  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await store?.[Symbol.asyncDispose]();
    await removeFolder(folder);
  });

  /** From now on every node knows this of a token. */
  async function say(token: string, standing: Standings[string]): Promise<void> {
    said[token] = standing;
    const whole = join(folder, "new.json");
    await writeFile(whole, JSON.stringify(said));
    // Nobody reads half of it.
    await rename(whole, join(folder, "standings.json"));
  }

  /** Open ones, at all nodes. */
  async function streams(): Promise<number> {
    const nodes = await Promise.all(cluster.nodes.map((node) => inside(node)));
    return nodes.reduce((sum, node) => sum + node.streams, 0);
  }

  const bearing = (session: RawSession, token: string): RawSession =>
    rawSession({ ...session.headers, authorization: `Bearer ${token}` });

  test("a refreshed token of the same principal goes on with session, stream and call, and the old one's streams end", async () => {
    const old = await openRawSession(cluster.url, { authorization: "Bearer alice/cli/1" });
    const fresh = bearing(old, "alice/cli/2");
    const own = readEvents(await old.resume(cluster.node(0).url));
    const call = readEvents(await old.call(cluster.node(1).url, 1, "talk", { tag: "talk", steps: 60, waitMs: 50 }));
    await (await fresh.call(cluster.node(2).url, 2, "announce", { tag: "with the new", steps: 3 })).text();
    await say("alice/cli/1", "revoked");
    const [ownSeen, callSeen] = await within(
      Promise.all([own, call]),
      timeout / 2,
      () => "the old token's streams go on",
    );
    for (const { url } of cluster.nodes) {
      const refused = await old.call(url, 3, "count");
      expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, 'Bearer error="invalid_token"']);
      await refused.body?.cancel();
      expect(await (await fresh.call(url, 4, "count")).text()).toContain('"value":');
    }
    // The call went on all the while, and so does its client, elsewhere.
    expect(logsIn(callSeen).length).toBeLessThan(60);
    const rest = await readEvents(await fresh.resume(cluster.node(2).url, callSeen.at(-1)?.id));
    expect([...logsIn(callSeen), ...logsIn(rest)]).toEqual(Array.from({ length: 60 }, (_, n) => `talk ${n + 1}`));
    expect(rest.at(-1)?.data).toContain('"steps":60');
    await (await fresh.call(cluster.node(0).url, 5, "announce", { tag: "later", steps: 1 })).text();
    const later = await readUntil(
      await fresh.resume(cluster.node(1).url, ownSeen.at(-1)?.id),
      (events) => logsIn(events).at(-1) === "later 1",
    );
    expect([...logsIn(ownSeen), ...logsIn(later)]).toEqual([
      "with the new 1",
      "with the new 2",
      "with the new 3",
      "later 1",
    ]);
  });

  test("a narrowed token: streams end, what it may do no longer is 403 at once, and the session goes on", async () => {
    const session = await openRawSession(cluster.url, { authorization: "Bearer bob/cli/1" });
    expect(await (await session.call(cluster.url, 1, "secret")).text()).toContain('"secret":true');
    const own = readEvents(await session.resume(cluster.node(0).url));
    const [first, second] = [cluster.node(1), cluster.node(2)];
    const call = readEvents(await session.call(first.url, 2, "talk", { tag: "talk", steps: 1_000, waitMs: 20 }));
    await say("bob/cli/1", { scopes: [] });
    const refused = await session.call(second.url, 3, "secret");
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([
      403,
      'Bearer realm="holdfast", error="insufficient_scope", scope="secrets"',
    ]);
    await refused.body?.cancel();
    await within(Promise.all([own, call]), timeout / 2, () => "streams of a narrowed token go on");
    expect(await (await session.call(second.url, 4, "count")).text()).toContain('"value":1');
    const again = await session.resume(cluster.node(0).url);
    expect(again.status).toBe(200);
    await again.body?.cancel();
  });

  test.each(clientNames)("revoked under %s: its streams end and its calls fail, at every node", async (name) => {
    const token = `carol/${name.replaceAll(/[^a-z0-9]/g, "-")}/1`;
    await using client = await connectClient(name, cluster.url, { headers: { authorization: `Bearer ${token}` } });
    await client.subscribe("note://one");
    await client.call("count");
    await poll(async () => ((await streams()) > 0 ? true : undefined), "its stream", timeout / 2);
    await say(token, "revoked");
    for (let round = 0; round < 3; round++)
      await expect(client.call("count")).rejects.toThrow(/401|revoked|unauthorized/i);
    // Nobody else listens here.
    await poll(async () => ((await streams()) === 0 ? true : undefined), "its stream's end", timeout / 2);
  });
});
