import { describe, expect, test } from "vitest";
import { z } from "zod";

import { backings } from "../../../../test/lib/backings.ts";
import { holdfast } from "../hold.ts";
import type { Change } from "../record/change.ts";
import type { Owner } from "../record/record.ts";
import type { Principal } from "../security/principal.ts";
import { eventSourced } from "../state/events/kind.ts";
import { kind } from "../state/kind.ts";
import { accountAsJson, dumpAsJson } from "./json.ts";
import { ownerOfIdentity } from "./owner.ts";
import { exportOwner, type ForgetProgress, forgetOwner } from "./principal.ts";
import { everyRecord } from "./walk.ts";

const alice: Principal = { issuer: "test", subject: "alice", scopes: [] };
const bob: Principal = { issuer: "test", subject: "bob", scopes: [] };
const Basket = kind("basket", { schema: z.object({ items: z.array(z.string()).default([]) }) });
const Flow = eventSourced("flow", {
  initial: { n: 0 },
  events: { added: z.object({ by: z.number() }) },
  evolve: (value, { payload }) => void (value.n += payload.by),
});
const kinds = [Basket, Flow] as const;

function plain(id: string): Change {
  return { kind: "basket", id, expect: "absent", create: { text: "{}", lifetime: {} } };
}

describe.each(backings)("a principal on %s", (_name, makeBacking) => {
  test("who has more records than ten parts hold is forgotten in one go", async () => {
    await using backing = await makeBacking();
    const store = await backing.open();
    const owner = ownerOfIdentity(alice);
    const many = 5_600;
    for (let made = 0; made < many; made += 400) {
      await Promise.all(Array.from({ length: 400 }, (_, n) => store.commit(owner, [plain(`r${made + n}`)])));
    }
    expect(await forgetOwner(store, owner)).toEqual({ records: many, grants: 0 });
    expect(await store.usage(owner)).toMatchObject({ records: 0, bytes: 0 });
  });

  test("is exported whole: every record with its events, grants in both directions, and what is kept besides", async () => {
    await using backing = await makeBacking();
    const store = await backing.open();
    await using hold = await holdfast({ store, kinds, reap: false });
    const { basket, flow } = hold.state(alice);
    const mine = await basket.create({ items: ["tea"] }, { idempotency: { key: "k" } });
    const told = await flow.create({ type: "added", payload: { by: 3 } });
    await hold.sessions(alice).create({ label: "s" });
    await using lock = await hold.state(alice).lock("l");
    const theirs = await hold.state(bob).basket.create({ items: ["bob's own"] });
    const given = await basket.share(mine.id, { with: bob, access: "read" });
    const received = await hold.state(bob).basket.share(theirs.id, { with: alice, access: "read" });

    const records = new Map<string, unknown>();
    const accounts: unknown[] = [];
    for await (const part of exportOwner(store, ownerOfIdentity(alice))) {
      if (part.part === "account") accounts.push(accountAsJson(part.page));
      else
        records.set(`${part.dump.record.kind} ${part.dump.record.id}`, dumpAsJson(ownerOfIdentity(alice), part.dump));
    }
    expect([...records.keys()]).toEqual(
      expect.arrayContaining([
        `basket ${mine.id}`,
        `flow ${told.id}`,
        `grant ${given.grant}`,
        `holdfast.shared ${received.grant}`,
      ]),
    );
    expect([...records.keys()].map((key) => key.split(" ")[0])).toEqual(expect.arrayContaining(["session", "lock"]));
    expect(records.get(`flow ${told.id}`)).toMatchObject({
      events: { events: [{ position: 1, data: { type: "added", payload: { by: 3 } } }] },
    });
    expect(accounts).toMatchObject([
      { floor: expect.any(Number) as number, commits: [{ results: [{ version: 1 }, {}] }] },
    ]);
    expect(JSON.stringify([...records.values()])).not.toContain("bob's own");
    expect(lock.name).toBe("l");
  });

  test("is forgotten whole, and others keep what is theirs", async () => {
    await using backing = await makeBacking();
    const store = await backing.open();
    await using hold = await holdfast({ store, kinds, reap: false });
    const mine = await hold.state(alice).basket.create({}, { idempotency: { key: "k" } });
    await hold.sessions(alice).create();
    const theirs = await hold.state(bob).basket.create({ items: ["bob's own"] });
    const given = await hold.state(alice).basket.share(mine.id, { with: bob, access: "read" });
    const received = await hold.state(bob).basket.share(theirs.id, { with: alice, access: "write" });
    const other = await hold
      .state(bob)
      .basket.share(theirs.id, { with: { issuer: "test", subject: "carol" }, access: "read" });
    await hold.state(alice).basket.update(received.grant, (b) => void b.items.push("by alice"));

    const owner = ownerOfIdentity(alice);
    expect(await forgetOwner(store, owner)).toEqual({ records: expect.any(Number) as number, grants: 2 });
    for await (const { kind: left, id } of everyRecord(store, { owner })) expect(`${left} ${id}`).toBe("nothing");
    const account = await store.admin.exportAccount(owner, { limit: 10 });
    expect(account?.commits ?? []).toEqual([]);
    expect((await hold.state(bob).basket.shared()).grants).toEqual([]);
    expect((await hold.state(bob).basket.grants(theirs.id)).grants.map(({ grant }) => grant)).toEqual([other.grant]);
    expect((await hold.state(bob).basket.get(theirs.id)).value.items).toEqual(["bob's own", "by alice"]);
    await expect(hold.state(bob).basket.get(given.grant)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(hold.state(alice).basket.get(received.grant)).rejects.toMatchObject({ code: "NOT_FOUND" });
    // What is left of them until they are reaped names nobody.
    for await (const record of everyRecord(store)) expect(JSON.stringify(record.fields)).not.toContain("alice");
    expect(await forgetOwner(store, owner)).toEqual({ records: 0, grants: 0 });
    // And she may come again.
    expect((await hold.state(alice).basket.create()).version).toBeGreaterThan(1);
  });

  test("with very many records is erased in parts, which tell how far they are, and goes on where it was stopped", async () => {
    await using backing = await makeBacking();
    const store = await backing.open();
    const [owner, other] = [ownerOfIdentity(alice), ownerOfIdentity(bob)];
    const make = (whose: Owner, count: number): Promise<unknown> =>
      Promise.all(
        Array.from({ length: count }, (_, index) => {
          const create = { text: "{}", lifetime: {} };
          return store.commit(whose, [{ kind: "note", id: `note_${index}`, expect: "absent", create }]);
        }),
      );
    await Promise.all([make(owner, 1_200), make(other, 30)]);
    await using hold = await holdfast({ store, kinds, reap: false });
    const shared = await hold.state(bob).basket.create();
    await hold.state(bob).basket.share(shared.id, { with: { issuer: "test", subject: "carol" }, access: "read" });
    const stop = new AbortController();
    const told: ForgetProgress[] = [];
    const stopped = forgetOwner(store, owner, {
      signal: stop.signal,
      onProgress: (progress) => {
        told.push(progress);
        if (progress.phase === "erasing") stop.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ code: "ABORTED" });
    expect(told.filter(({ phase }) => phase === "looking").at(-1)).toMatchObject({ grants: 2 });
    expect(told.at(-1)).toEqual({ phase: "erasing", records: 500, of: 1_200 });
    expect((await store.usage(owner)).records).toBe(700);

    const rest: ForgetProgress[] = [];
    expect((await forgetOwner(store, owner, { onProgress: (progress) => rest.push(progress) })).records).toBe(700);
    expect(rest.flatMap((told) => (told.phase === "erasing" ? [told.records] : []))).toEqual([500, 700, 700]);
    expect([(await store.usage(owner)).records, (await store.usage(other)).records]).toEqual([0, 32]);
  });
});
