/** A slip in the name of an option is an error, whatever method it is given to: a condition nobody reads is no condition. */
import { expect, it } from "vitest";
import { z } from "zod";

import { holdfast } from "../hold.ts";
import { localUser, ownerOfPrincipal } from "../security/principal.ts";
import { eventSourced } from "./events/kind.ts";
import { kind } from "./kind.ts";
import { servingHold } from "./open-hold.ts";

const Basket = kind("basket", {
  schema: z.object({ items: z.array(z.string()).default([]) }),
  index: ({ items }) => ({ size: items.length }),
});
const Profile = kind("profile", { schema: z.object({ name: z.string().default("") }), scope: "principal" });
const Flow = eventSourced("flow", {
  initial: { done: [] as string[] },
  events: { step: z.object({ name: z.string() }) },
  evolve: (flow, { payload }) => {
    flow.done.push(payload.name);
  },
});

/** Options as a program in JavaScript, or one with a wider object in hand, may give them. */
const slip = (name: string): object => ({ [name]: 1 });

it("every method refuses a name that none of its options has, with the nearest, and does nothing", async () => {
  await using hold = await holdfast({ store: "memory:", kinds: [Basket, Profile, Flow] });
  const state = hold.state(localUser);
  const sessions = hold.sessions(localUser);
  const { id, version } = await state.basket.create();
  const flow = await state.flow.create();
  const { id: sessionId } = await sessions.create();
  const session = sessions.open(sessionId);
  const channel = state.channel("news");
  const stepUps = hold.stepUps(localUser);
  const seat = servingHold(hold).seat(ownerOfPrincipal(localUser), "seat");
  const lock = await state.lock("build");
  const step = { type: "step", payload: { name: "a" } } as const;
  const receiver = { issuer: "https://id.example.com", subject: "bob" };

  const calls: Readonly<Record<string, readonly [given: string, near: string, call: (slip: object) => unknown]>> = {
    "basket.create": ["idempotencey", "idempotency", (o) => state.basket.create({}, o)],
    "basket.get": ["minVersoin", "minVersion", (o) => state.basket.get(id, o)],
    "basket.update": [
      "ifVersoin",
      "ifVersion",
      (o) => state.basket.update(id, (draft) => void draft.items.push("a"), o),
    ],
    "basket.patch": ["ifversion", "ifVersion", (o) => state.basket.patch(id, { items: ["a"] }, o)],
    "basket.increment": ["mim", "min", (o) => state.basket.increment(id, "n", 1, o)],
    "basket.append": ["expectedhead", "expectedHead", (o) => state.basket.append(id, "log", "a", o)],
    "basket.events": ["ater", "after", (o) => state.basket.events(id, "log", o)],
    "basket.destroy": ["ifVersoin", "ifVersion", (o) => state.basket.destroy(id, o)],
    "basket.list": ["limits", "limit", (o) => state.basket.list(o)],
    "basket.find": ["limits", "limit", (o) => state.basket.find({ size: 0 }, o)],
    "basket.lock": ["ttl", "ttlMs", (o) => state.basket.lock(id, o)],
    "basket.withLock": ["wait", "waitMs", (o) => state.basket.withLock(id, o, () => "ran")],
    "basket.share": ["expire", "expires", (o) => state.basket.share(id, { with: receiver, access: "read", ...o })],
    "basket.revoke": ["signals", "signal", (o) => state.basket.revoke(id, o)],
    "basket.grants": ["limits", "limit", (o) => state.basket.grants(id, o)],
    "basket.shared": ["limits", "limit", (o) => state.basket.shared(o)],
    "profile.get": ["replicas", "replica", (o) => state.profile.get(o)],
    "profile.patch": ["ifVersoin", "ifVersion", (o) => state.profile.patch({ name: "a" }, o)],
    "flow.create": ["agents", "agent", (o) => state.flow.create([step], o)],
    "flow.get": ["signals", "signal", (o) => state.flow.get(flow.id, o)],
    "flow.append": ["expectedPositon", "expectedPosition", (o) => state.flow.append(flow.id, step, o)],
    "flow.decide": ["expectedPositon", "expectedPosition", (o) => state.flow.decide(flow.id, () => step, o)],
    "flow.history": ["untill", "until", (o) => state.flow.history(flow.id, o)],
    "flow.at": ["signals", "signal", (o) => state.flow.at(flow.id, 0, o)],
    "flow.repair": ["signals", "signal", (o) => state.flow.repair(flow.id, o)],
    "sessions.create": ["lable", "label", (o) => sessions.create(o)],
    "session.set": ["idempotencey", "idempotency", (o) => session.set("a", 1, o)],
    "session.increment": ["mim", "min", (o) => session.increment("n", 1, o)],
    "session.record": ["fences", "fence", (o) => session.record("a", null, o)],
    "session.context": ["maxEvent", "maxEvents", (o) => session.context(o)],
    "session.recentContext": ["signals", "signal", (o) => session.recentContext(1, o)],
    "session.disposable": [
      "dispos",
      "dispose",
      (o) => session.disposable("d", () => ({ [Symbol.dispose]: () => {} }), o),
    ],
    "session.clear": ["fences", "fence", (o) => session.clear(o)],
    "session.end": ["signals", "signal", (o) => session.end(o)],
    "channel.join": ["lable", "label", (o) => channel.join(sessionId, o)],
    "channel.leave": ["signals", "signal", (o) => channel.leave(sessionId, o)],
    "channel.broadcast": ["fences", "fence", (o) => channel.broadcast(sessionId, "a", o)],
    "channel.read": ["ater", "after", (o) => channel.read(o)],
    "channel.presence": ["limits", "limit", (o) => channel.presence(o)],
    "channel.members": ["signals", "signal", (o) => channel.members(o)],
    "lock.renew": ["ttl", "ttlMs", (o) => lock.renew(o)],
    "lock.release": ["signals", "signal", (o) => lock.release(o)],
    "state.lock": ["wait", "waitMs", (o) => state.lock("other", o)],
    "state.once": ["intend", "intent", (o) => state.once({ name: "a", key: "k", ...o }, async () => "ran")],
    "stepUps.request": ["signals", "signal", (o) => stepUps.request("r", o)],
    "stepUps.confirm": ["signals", "signal", (o) => stepUps.confirm("r", o)],
    "stepUps.decline": ["signals", "signal", (o) => stepUps.decline("r", o)],
    "stepUps.list": ["signals", "signal", (o) => stepUps.list(o)],
    "stepUps.revoke": ["signals", "signal", (o) => stepUps.revoke("payments", o)],
    "stepUp.confirmed": ["signals", "signal", (o) => seat.confirmed("payments", o)],
    "stepUp.revoke": ["signals", "signal", (o) => seat.revoke("payments", o)],
    "an idempotency key": ["intend", "intent", (o) => session.set("a", 1, { idempotency: { key: "k", ...o } })],
    "bounds in an update": ["mim", "min", (o) => state.basket.update(id, (_draft, tx) => tx.increment("n", -1, o))],
  };
  for (const [method, [given, near, call]] of Object.entries(calls)) {
    const answer = Promise.resolve().then(() => call(slip(given)));
    await expect(answer, method).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: expect.stringContaining(`has no option "${given}"; did you mean "${near}"?`),
    });
  }

  expect(await state.basket.get(id)).toMatchObject({ version, value: { items: [] } });
  expect((await state.basket.get(id)).counters.size).toBe(0);
  expect(await session.keys()).toEqual([]);
  expect((await state.flow.history(flow.id)).events).toEqual([]);
  expect(await lock.renew()).toBe(true);
});
