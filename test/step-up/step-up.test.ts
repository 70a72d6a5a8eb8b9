/** Tools that need a confirmation from outside of the protocol: two nodes, both eras, official clients that open URLs. */
import { localUser } from "holdfast";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { type DurableStore, durableStores, openDurable } from "../lib/durable-stores.ts";
import { connectShopper, type Era, type Nodes, principalOf, startNodes } from "./confirming.ts";

const eras: readonly Era[] = ["2025", "2026"];
const forbidden = (why: RegExp) => ({ ok: false, fault: { code: "forbidden", message: expect.stringMatching(why) } });
const yes = { ok: true, value: { payments: true } };
const no = { ok: true, value: { payments: false } };

describe.each(durableStores)("a step-up on %s", (name) => {
  let store: DurableStore;
  let nodes: Nodes;
  let users = 0;
  /** A user nobody has met. */
  const user = (): string => `user${++users}`;

  beforeAll(async () => {
    store = await openDurable(name);
    nodes = await startNodes(store.url);
  });
  afterAll(async () => {
    expect(nodes.errors).toEqual([]);
    await nodes[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  });
  const stepUps = (who: string, node: 0 | 1) => {
    const hold = nodes.holds[node];
    if (hold === undefined) throw new Error("there are two nodes");
    return hold.stepUps(principalOf(who));
  };

  test.each(eras)("%s: a tool waits for the page, goes on, and asks no more; on both nodes", async (era) => {
    const who = user();
    await using client = await connectShopper(nodes, era, `${who}.phone`, async ({ request }) => {
      expect(await stepUps(who, 1).request(request)).toMatchObject({ purpose: "payments", client: "shopper" });
      await stepUps(who, 1).confirm(request);
    });
    expect(await client.call("confirmed")).toEqual(no);
    expect(await client.call("pay", { amount: 5 })).toMatchObject({ ok: true, value: { paid: 5, answers: null } });
    expect(client.pages).toHaveLength(1);
    expect(client.pages[0]?.message).toContain("payments");
    if (era === "2025") expect(client.complete).toEqual([client.pages[0]?.elicitationId]);
    for (const amount of [6, 7, 8]) expect(await client.call("pay", { amount })).toMatchObject({ ok: true });
    expect(await client.call("confirmed")).toEqual(yes);
    expect(client.pages).toHaveLength(1);
    expect(nodes.paid.filter((line) => line.startsWith(`${who} `))).toEqual([5, 6, 7, 8].map((n) => `${who} ${n}`));
    // Another purpose is another confirmation.
    await using other = await connectShopper(nodes, era, `${who}.phone`, () => undefined, "decline");
    expect(await other.call("erase")).toMatchObject(forbidden(/declined/));
    expect(other.pages[0]?.message).toBe("Erase it?");
  });

  test.each(eras)("%s: whoever is not the one who asked confirms nothing", async (era) => {
    const [victim, thief] = [user(), user()];
    const seen: unknown[] = [];
    await using client = await connectShopper(nodes, era, `${thief}.phone`, async ({ request }) => {
      // The thief sent the link to the victim, who is signed in as herself.
      seen.push(await stepUps(victim, 0).request(request));
      seen.push(
        await stepUps(victim, 0)
          .confirm(request)
          .catch((error: unknown) => error),
      );
      seen.push(await stepUps(victim, 0).decline(request));
      await stepUps(thief, 0).confirm(request);
    });
    expect(await client.call("pay", { amount: 1 })).toMatchObject({ ok: true });
    expect(seen).toMatchObject([undefined, { code: "NOT_FOUND" }, false]);
    await using victims = await connectShopper(nodes, era, `${victim}.phone`, () => undefined, "decline");
    expect(await victims.call("confirmed")).toEqual(no);
    expect(await victims.call("pay", { amount: 1 })).toMatchObject(forbidden(/declined/));
  });

  test.each(eras)("%s: a log-out counts for the next call, wherever it arrives", async (era) => {
    const who = user();
    const toldBefore = nodes.told.length;
    await using client = await connectShopper(nodes, era, `${who}.phone`, async ({ request }) => {
      await stepUps(who, 0).confirm(request);
    });
    for (const logOut of [
      () => client.call("log_out"),
      () => stepUps(who, 1).revoke(),
      () => stepUps(who, 0).revoke("payments"),
    ]) {
      expect(await client.call("pay", { amount: 2 })).toMatchObject({ ok: true });
      expect(await stepUps(who, 1).list()).toMatchObject([{ purpose: "payments" }]);
      await logOut();
      expect(await client.call("confirmed")).toEqual(no);
      expect(await client.call("confirmed")).toEqual(no);
      expect(await stepUps(who, 0).list()).toEqual([]);
    }
    expect(client.pages).toHaveLength(3);
    expect(await stepUps(who, 0).revoke()).toBe(0);
    // Each of them is told once, about one place, and in words that open nothing.
    const told = nodes.told.slice(toldBefore);
    const turn = ["step_up_confirmed", "step_up_revoked"];
    expect(told.map(({ change }) => change)).toEqual([...turn, ...turn, ...turn]);
    expect(new Set(told.map(({ idHash }) => idHash)).size).toBe(1);
    for (const one of told) expect(one).toMatchObject({ purpose: "payments", kind: "holdfast.step-up" });
    for (const { request } of client.pages) expect(JSON.stringify(told)).not.toContain(request);
    // A page that was opened before the log-out confirms nothing after it, and one that was used nothing again.
    for (const { request } of client.pages) {
      await expect(stepUps(who, 0).confirm(request)).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
  });

  test("counts in the session that asked, or for the client where there is no session", async () => {
    const who = user();
    const confirm = async ({ request }: { readonly request: string }) => void (await stepUps(who, 0).confirm(request));
    await using first = await connectShopper(nodes, "2025", `${who}.phone`, confirm);
    expect(await first.call("pay", { amount: 3 })).toMatchObject({ ok: true });
    await using second = await connectShopper(nodes, "2025", `${who}.phone`, confirm);
    expect(await second.call("confirmed")).toEqual(no);
    await using modern = await connectShopper(nodes, "2026", `${who}.phone`, confirm);
    expect(await modern.call("pay", { amount: 3 })).toMatchObject({ ok: true });
    await using again = await connectShopper(nodes, "2026", `${who}.phone`, confirm);
    expect(await again.call("confirmed")).toEqual(yes);
    await using laptop = await connectShopper(nodes, "2026", `${who}.laptop`, confirm);
    expect(await laptop.call("confirmed")).toEqual(no);
  });

  test("a request is good once, however many confirm it at once, and of many only the newest are kept", async () => {
    const who = user();
    await using client = await connectShopper(nodes, "2026", `${who}.phone`, () => undefined, "decline");
    for (let n = 0; n < 10; n++) expect(await client.call("pay", { amount: 1 })).toMatchObject(forbidden(/declined/));
    const requests = client.pages.map(({ request }) => request);
    expect(new Set(requests).size).toBe(10);
    const known = await Promise.all(requests.map((request) => stepUps(who, 0).request(request)));
    expect(known.map((one) => one !== undefined)).toEqual([false, false, ...Array.from({ length: 8 }, () => true)]);
    expect(await stepUps(who, 1).decline(requests[5] ?? "")).toBe(true);
    expect(await stepUps(who, 1).decline(requests[5] ?? "")).toBe(false);
    const confirmed = await Promise.allSettled(
      [0, 1, 0, 1].map((node) => stepUps(who, node as 0 | 1).confirm(requests[9] ?? "")),
    );
    expect(confirmed.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const odd of ["", "str_", `${requests[9]}x`, requests[9]?.replace(/\..*/, ".AAAA") ?? "", "__proto__"]) {
      await expect(stepUps(who, 0).confirm(odd)).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
  });
});

test("a confirmation lapses by the store's clock, and who takes too long is asked again", async () => {
  await using store = await openDurable("sqlite");
  await using nodes = await startNodes(store.url, { lasts: "3s", wait: "50ms" });
  const { holds, errors } = nodes;
  let confirms = false;
  await using client = await connectShopper(nodes, "2026", "slow.phone", async ({ request }) => {
    if (confirms) await holds[0]?.stepUps(principalOf("slow")).confirm(request);
  });
  expect(await client.call("pay", { amount: 1 })).toMatchObject(forbidden(/once it is confirmed/));
  confirms = true;
  await expect.poll(() => client.call("pay", { amount: 2 }), { timeout: 30_000 }).toMatchObject({ ok: true });
  await expect.poll(() => client.call("confirmed"), { timeout: 30_000 }).toEqual(no);
  expect(await holds[1]?.stepUps(principalOf("slow")).list()).toEqual([]);
  expect(await holds[1]?.stepUps(localUser).list()).toEqual([]);
  expect(errors).toEqual([]);
});
