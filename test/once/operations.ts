/**
 * Every operation of state that a call can make, each with what it answers and what it leaves behind. Both are free of handles
 * and moments, so that two runs on records of their own can be compared.
 */
import { type EventSourcedView, HoldfastError, type RecordView } from "holdfast";

import { carol, type Trial } from "./trial.ts";

export type Operation = {
  /** Made before the call, once. */
  readonly prepare?: (trial: Trial) => Promise<string>;
  readonly run: (trial: Trial, given: string) => Promise<unknown>;
  readonly effect: (trial: Trial, given: string) => Promise<unknown>;
  /** What others do between the end of the first run and the repeat. */
  readonly meanwhile?: (trial: Trial, given: string) => Promise<unknown>;
};

const basket = async ({ state }: Trial): Promise<string> => (await state.basket.create({ items: ["bread"] })).id;
const flow = async ({ state }: Trial): Promise<string> => (await state.flow.create(step("begin"))).id;
const session = async ({ sessions }: Trial): Promise<string> => (await sessions.create({ label: "desk" })).id;
const step = (name: string) => ({ type: "step", payload: { name } }) as const;

function facts({ value, version, counters, heads }: RecordView<unknown>): unknown {
  return { value, version, counters: Object.fromEntries(counters), heads: Object.fromEntries(heads) };
}

function sourcedFacts(view: EventSourcedView<{ readonly done: readonly string[] }>): unknown {
  return { done: view.value.done, position: view.position, version: view.version };
}

async function standing({ state }: Trial, id: string): Promise<unknown> {
  return facts(await state.basket.get(id));
}

async function past({ state }: Trial, id: string): Promise<unknown> {
  return (await state.flow.history(id)).events.map(({ position, payload }) => [position, payload]);
}

async function countOf({ state }: Trial): Promise<unknown> {
  return [(await state.basket.list()).records.length, (await state.flow.list()).records.length];
}

const codeOf = (error: unknown): unknown => (error instanceof HoldfastError ? error.code : String(error));
const endBasket = ({ state }: Trial, id: string): Promise<boolean> => state.basket.destroy(id);
const endFlow = ({ state }: Trial, id: string): Promise<boolean> => state.flow.destroy(id);

/** A channel of two sessions; answers their ids. */
async function room(trial: Trial): Promise<string> {
  const ids = [await session(trial), await session(trial)];
  for (const id of ids) await trial.state.channel("room").join(id);
  return ids.join(" ");
}

async function roomStands({ state }: Trial): Promise<unknown> {
  const channel = state.channel("room");
  const [members, { messages }, { events }] = [await channel.members(), await channel.read(), await channel.presence()];
  return [members.length, messages.map(({ position, message }) => [position, message]), events.map(({ type }) => type)];
}

async function emptyRoom({ state, sessions }: Trial, given: string): Promise<void> {
  for (const id of given.split(" ")) {
    await state.channel("room").leave(id);
    await sessions.open(id).end();
  }
}

async function grantsStand({ state, theirs }: Trial, id: string): Promise<unknown> {
  const { grants } = await state.basket.grants(id);
  const led = await Promise.all(
    (await theirs.basket.shared()).grants.map(({ grant }) => theirs.basket.get(grant).then(facts, codeOf)),
  );
  return [grants.map(({ access, with: { subject } }) => [access, subject.split(" ")[0]]), led];
}

/** A record and a grant of it; answers both. */
async function granted(trial: Trial): Promise<string> {
  const id = await basket(trial);
  const { grant } = await trial.state.basket.share(id, { with: trial.friend, access: "write" });
  return `${id} ${grant}`;
}
const first = (given: string): string => given.split(" ")[0] ?? "";
const second = (given: string): string => given.split(" ")[1] ?? "";
const session1 = ({ sessions }: Trial, given: string) => sessions.open(first(given));

async function sessionStands({ sessions }: Trial, id: string): Promise<unknown> {
  const { view, events } = await sessions.open(id).context();
  return [view.value, [...view.counters], view.totalEvents, events.map(({ position, type }) => [position, type])];
}

export const operations: Readonly<Record<string, Operation>> = {
  update: {
    prepare: basket,
    run: async ({ state }, id) =>
      facts(
        await state.basket.update(id, (value, tx) => {
          value.items.push("tea");
          tx.increment("n");
          tx.append("log", "tea");
        }),
      ),
    effect: standing,
    meanwhile: endBasket,
  },
  "updates of one record at once": {
    prepare: basket,
    run: async ({ state }, id) => {
      await Promise.all(["a", "b", "c"].map((name) => state.basket.update(id, (value) => void value.items.push(name))));
      return "done";
    },
    effect: async (trial, id) => (await trial.state.basket.get(id)).value.items.toSorted(),
  },
  patch: {
    prepare: basket,
    run: async ({ state }, id) => facts(await state.basket.patch(id, { items: ["tea"] })),
    effect: standing,
    meanwhile: endBasket,
  },
  "increment within bounds": {
    prepare: basket,
    run: async ({ state }, id) => {
      const options = { max: 3, append: { stream: "log", event: 1 } };
      const { value, position, version } = await state.basket.increment(id, "n", 3, options);
      return { value, position, version };
    },
    effect: standing,
    meanwhile: ({ state }, id) => state.basket.increment(id, "n", -1),
  },
  "increment out of bounds": {
    prepare: basket,
    run: async ({ state }, id) => [
      (await state.basket.increment(id, "n", 3, { max: 3 })).value,
      await state.basket.increment(id, "n", 1, { max: 3 }).catch(codeOf),
    ],
    effect: standing,
  },
  append: {
    prepare: basket,
    run: async ({ state }, id) => (await state.basket.append(id, "log", "tea")).position,
    effect: standing,
    meanwhile: ({ state }, id) => state.basket.append(id, "log", "milk"),
  },
  "append at an expected head": {
    prepare: basket,
    run: async ({ state }, id) => [
      (await state.basket.append(id, "log", "tea", { expectedHead: 0 })).position,
      await state.basket.append(id, "log", "milk", { expectedHead: 0 }).catch(codeOf),
    ],
    effect: standing,
  },
  create: {
    run: async ({ state }) => facts(await state.basket.create({ items: ["tea"] })),
    effect: countOf,
    meanwhile: async ({ state }) => {
      for (const { id } of (await state.basket.list()).records)
        await state.basket.update(id, (v) => void v.items.pop());
    },
  },
  destroy: {
    prepare: basket,
    run: ({ state }, id) => state.basket.destroy(id),
    effect: countOf,
  },
  "create and destroy": {
    run: async ({ state }) => {
      const { id, version } = await state.basket.create();
      const { value } = await state.basket.increment(id, "n");
      return [
        version,
        value,
        facts(await state.basket.update(id, (v) => void v.items.push("x"))),
        await state.basket.destroy(id),
      ];
    },
    effect: countOf,
  },
  "a sealed record": {
    run: async ({ state }) => {
      const { id } = await state.secret.create({ items: ["gold"] });
      return facts(await state.secret.update(id, ({ items: all }) => void all.push("silver")));
    },
    effect: async ({ state }) => {
      const { records } = await state.secret.list();
      return await Promise.all(records.map(async ({ id }) => facts(await state.secret.get(id))));
    },
  },
  "a named record, made on first use, ended and begun anew": {
    run: async ({ state }) => {
      const note = state.note.open("plan");
      const made = facts(await note.update((value) => void (value.text = "one")));
      const ended = await note.destroy();
      const { position } = await note.append("log", 1);
      return [made, ended, position, facts(await note.patch({ text: "two" }))];
    },
    effect: async ({ state }) => facts(await state.note.open("plan").get()),
  },
  "the record of the principal": {
    run: async ({ state }) => [
      facts(await state.profile.patch({ name: "one" })),
      (await state.profile.increment("visits")).value,
    ],
    effect: async ({ state }) => facts(await state.profile.get()),
  },
  "create of an event-sourced record": {
    run: async ({ state }) => sourcedFacts(await state.flow.create([step("a"), step("b")])),
    effect: countOf,
    meanwhile: async ({ state }) => {
      for (const { id } of (await state.flow.list()).records) await state.flow.append(id, step("later"));
    },
  },
  "append of events": {
    prepare: flow,
    run: async ({ state }, id) => {
      const { first: from, position } = await state.flow.append(id, [step("a"), step("b"), step("c")]);
      return [from, position, (await state.flow.append(id, step("d"))).position];
    },
    effect: past,
    meanwhile: ({ state }, id) => state.flow.append(id, step("later")),
  },
  "append of events at an expected position": {
    prepare: flow,
    run: async ({ state }, id) => [
      (await state.flow.append(id, step("a"), { expectedPosition: 1 })).position,
      await state.flow.append(id, step("b"), { expectedPosition: 1 }).catch(codeOf),
    ],
    effect: past,
    meanwhile: ({ state }, id) => state.flow.append(id, step("later")),
  },
  decide: {
    prepare: flow,
    run: async ({ state }, id) => {
      const { view, position, appended } = await state.flow.decide(id, ({ done }) => [
        step(`after ${done.length}`),
        step("b"),
      ]);
      return [sourcedFacts(view), position, appended];
    },
    effect: past,
    meanwhile: endFlow,
  },
  "decide for nothing": {
    prepare: flow,
    run: async ({ state }, id) => {
      const { view, appended } = await state.flow.decide(id, () => undefined);
      return [sourcedFacts(view), appended];
    },
    effect: past,
    meanwhile: ({ state }, id) => state.flow.append(id, step("later")),
  },
  "create, decide and destroy": {
    run: async ({ state }) => {
      const { id } = await state.flow.create(step("a"));
      const { view } = await state.flow.decide(id, () => step("b"));
      return [sourcedFacts(view), await state.flow.destroy(id)];
    },
    effect: countOf,
  },
  share: {
    prepare: basket,
    run: async ({ state, friend }, id) => {
      const { access, expiresAt } = await state.basket.share(id, { with: friend, access: "write", expires: "1h" });
      return [access, expiresAt !== undefined];
    },
    effect: grantsStand,
    meanwhile: async ({ state }, id) => {
      for (const { grant } of (await state.basket.grants(id)).grants) await state.basket.revoke(grant);
    },
  },
  "share with two at once, and twice with one": {
    prepare: basket,
    run: async ({ state, friend }, id) => {
      await Promise.all([carol, friend].map((other) => state.basket.share(id, { with: other, access: "read" })));
      return (await state.basket.share(id, { with: friend, access: "read" })).access;
    },
    effect: async (trial, id) => {
      const [grants, led] = (await grantsStand(trial, id)) as [unknown[], unknown];
      return [grants.map(String).toSorted(), led];
    },
  },
  "share and revoke": {
    prepare: basket,
    run: async ({ state, friend }, id) => {
      const { grant } = await state.basket.share(id, { with: friend, access: "read" });
      return await state.basket.revoke(grant);
    },
    effect: grantsStand,
  },
  "revoke by the receiver": {
    prepare: granted,
    run: async ({ hold, friend, me }, given) => [
      await hold.state(friend).basket.revoke(second(given)),
      await hold.state(me).basket.revoke(second(given)),
    ],
    effect: (trial, given) => grantsStand(trial, first(given)),
  },
  "counters through a grant at once": {
    prepare: granted,
    run: async ({ theirs }, given) => {
      const names = ["a", "b", "c"];
      const counted = await Promise.all(names.map((name, n) => theirs.basket.increment(second(given), name, n + 1)));
      return counted.map(({ value }) => value);
    },
    effect: (trial, given) => standing(trial, first(given)),
    meanwhile: ({ state }, given) => state.basket.increment(first(given), "a", 10),
  },
  "a lock, and a change under it": {
    prepare: basket,
    run: async ({ state }, id) => {
      // A run that was cut off holds it until its time is over; the repeat has it anew.
      const lock = await state.basket.lock(id, { ttlMs: 300, waitMs: 60_000 });
      const { value } = await state.basket.increment(id, "n", 1, { fence: lock });
      await lock.release();
      return value;
    },
    effect: standing,
  },
  "a session, and what is in it": {
    prepare: session,
    run: async ({ sessions }, id) => {
      const one = sessions.open(id);
      const { version } = await one.set("k", 1);
      const view = await one.setPreference("p", "x");
      const deleted = [await one.delete("k"), await one.delete("k")];
      const { value } = await one.increment("n", 2, { max: 2 });
      const { position, totalEvents } = await one.record("asked", { what: "tea" });
      await one.summarize((before) => `${before ?? ""}more`);
      return [version, view.value, deleted, value, position, totalEvents];
    },
    effect: sessionStands,
    meanwhile: ({ sessions }, id) => sessions.open(id).end(),
  },
  "clearing a session": {
    prepare: async (trial) => {
      const id = await session(trial);
      await trial.sessions.open(id).record("before");
      return id;
    },
    run: async ({ sessions }, id) => {
      await sessions.open(id).clear();
      return (await sessions.open(id).record("after")).position;
    },
    effect: sessionStands,
  },
  "a session that is made and ended": {
    run: async ({ sessions }) => {
      const { id } = await sessions.create({ label: "short" });
      return await sessions.open(id).end();
    },
    effect: async ({ sessions }) => (await sessions.list()).records.length,
  },
  join: {
    prepare: session,
    run: ({ state }, id) => state.channel("room").join(id),
    effect: roomStands,
    meanwhile: emptyRoom,
  },
  leave: {
    prepare: room,
    run: ({ state }, given) => state.channel("room").leave(first(given)),
    effect: roomStands,
    meanwhile: emptyRoom,
  },
  broadcast: {
    prepare: room,
    run: async ({ state }, given) => {
      const { position, recipients } = await state.channel("room").broadcast(first(given), "hello");
      return [position, recipients];
    },
    effect: roomStands,
    meanwhile: emptyRoom,
  },
  "broadcasts at once": {
    prepare: room,
    run: async ({ state }, given) => {
      const said = ["a", "b", "c"].map((message) => state.channel("room").broadcast(first(given), message));
      return (await Promise.all(said)).map(({ position }) => position).toSorted((a, b) => a - b);
    },
    effect: async (trial) => ((await roomStands(trial)) as [number, unknown[]])[1].length,
  },
  "a value of a session": {
    prepare: session,
    run: async (trial, given) => {
      await session1(trial, given).disposable("file", async () => ({ [Symbol.dispose]: () => undefined }));
      return await session1(trial, given).dispose("file");
    },
    effect: async () => "nothing is stored",
  },
};
