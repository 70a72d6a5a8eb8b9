/** Nodes whose clocks are minutes apart: what ends when, and who holds what, is for the clock of the store to say. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";

import { textOf, valueOf } from "../clients/caller.ts";
import { openDurable } from "../lib/durable-stores.ts";
import { poll, removeFolder, startServer, temporaryFolder } from "../lib/server-process.ts";
import { type Connection, connect } from "./connect.ts";

/** Loaded before the program: a clock that is wrong by so many milliseconds, for everything in the process. */
const wrongBy = (ms: number): string => `
  const Right = Date;
  globalThis.Date = class extends Right {
    constructor(...given) { given.length === 0 ? super(Right.now() + ${ms}) : super(...given); }
    static now() { return Right.now() + ${ms}; }
  };`;

async function node(dir: string, store: string, wrongMs: number): Promise<Connection> {
  const clock = join(dir, `clock${wrongMs}.mjs`);
  await writeFile(clock, wrongBy(wrongMs));
  const args = ["--session-idle", "30s"];
  const server = await startServer({ dir, store, args, env: { NODE_OPTIONS: `--import ${clock}` } });
  onTestFinished(async () => void (await server.kill()));
  const client = await connect(server.url, "2026");
  onTestFinished(() => client[Symbol.asyncDispose]());
  return client;
}

describe.each(["postgres", "redis"])("on %s, two nodes twenty minutes apart", (name) => {
  it("end no session early, hold no lock twice, and agree on what was done once", async () => {
    const dir = await temporaryFolder();
    onTestFinished(() => removeFolder(dir));
    const backing = await openDurable(name);
    onTestFinished(async () => backing[Symbol.asyncDispose]());
    const late = await node(dir, backing.url, -600_000);
    const early = await node(dir, backing.url, 600_000);
    for (const [mine, other] of [
      [late, early],
      [early, late],
    ] as const) {
      const session_id = textOf(await valueOf(mine.call("create_session")), "session_id");
      expect(await valueOf(other.call("get_context", { session_id }))).toMatchObject({ session_id });
      const lock = { name: `of ${session_id}`, ttl_ms: 4_000 };
      const since = performance.now();
      const taken = await valueOf(mine.call("acquire_lock", lock));
      expect(taken).toMatchObject({ acquired: true });
      expect(await valueOf(other.call("acquire_lock", lock))).toMatchObject({ acquired: false });
      const count = { session_id, name: "n", idempotency_key: "once" };
      expect(await valueOf(mine.call("increment_counter", count))).toMatchObject({ value: 1 });
      expect(await valueOf(other.call("increment_counter", count))).toMatchObject({ value: 1 });
      const next = await poll(async () => {
        const tried = await valueOf(other.call("acquire_lock", lock));
        return tried["acquired"] === true ? tried : undefined;
      }, "the end of the lock's time");
      // It was taken after that moment; the store's clock may be set a little meanwhile.
      expect(performance.now() - since).toBeGreaterThan(3_900);
      expect(Number(next["token"])).toBeGreaterThan(Number(taken["token"]));
      expect(await valueOf(mine.call("renew_lock", { name: lock.name, token: taken["token"] }))).toMatchObject({
        renewed: false,
      });
      expect(await valueOf(other.call("get_context", { session_id }))).toMatchObject({ counters: { n: 1 } });
    }
  });
});
