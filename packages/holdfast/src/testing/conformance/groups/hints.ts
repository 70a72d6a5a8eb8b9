import type { HintListener, Store } from "../../../store/contract.ts";
import { rejects, same } from "../check.ts";
import { counting, fresh, make } from "../kit.ts";
import type { Context, Requirement } from "../requirement.ts";

const group = "hints";
const rule = "7";

export const hints: readonly Requirement[] = [
  {
    id: "H1",
    group,
    text: "every listener of a topic is woken",
    rule,
    test: async (context) => {
      const { store } = context;
      const topic = context.id();
      const [one, two] = [recorder(), recorder()];
      const ends = [store.subscribe(topic, one.listener), store.subscribe(topic, two.listener)];
      await untilHeard(context, store, topic, () => one.heard.length > 0 && two.heard.length > 0);
      for (const end of ends) end();
    },
  },
  {
    id: "H2",
    group,
    text: "a listener is never called from inside `publish` or `subscribe`",
    rule,
    test: async (context) => {
      const { store } = context;
      const topic = context.id();
      const { heard, listener } = recorder();
      store.publish(topic, "before anyone listens");
      const end = store.subscribe(topic, listener);
      same("heard while subscribing", heard, []);
      store.publish(topic, "hint");
      same("heard while publishing", heard, []);
      await untilHeard(context, store, topic, () => heard.length > 0);
      end();
    },
  },
  {
    id: "H3",
    group,
    text: "an ended subscription hears nothing more; ending it twice is harmless, and others go on",
    rule,
    test: async (context) => {
      const { store } = context;
      const topic = context.id();
      const [gone, kept] = [recorder(), recorder()];
      const end = store.subscribe(topic, gone.listener);
      const endKept = store.subscribe(topic, kept.listener);
      await untilHeard(context, store, topic, () => gone.heard.length > 0 && kept.heard.length > 0);
      end();
      end();
      const heardBefore = gone.heard.length;
      kept.heard.length = 0;
      await untilHeard(context, store, topic, () => kept.heard.length > 1);
      same("what was heard after the end", gone.heard.length, heardBefore);
      endKept();
    },
  },
  {
    id: "H4",
    group,
    text: "a hint carries its own text or none, and never that of another topic",
    rule,
    test: async (context) => {
      const { store } = context;
      const [topic, other] = [context.id(), context.id()];
      const [mine, theirs] = [recorder(), recorder()];
      const ends = [store.subscribe(topic, mine.listener), store.subscribe(other, theirs.listener)];
      await untilHeard(context, store, topic, () => mine.heard.length > 0, "for the topic");
      await untilHeard(context, store, other, () => theirs.heard.length > 0, "for the other");
      same(
        "texts of the topic",
        mine.heard.filter((hint) => hint !== undefined && hint !== "for the topic"),
        [],
      );
      same(
        "texts of the other",
        theirs.heard.filter((hint) => hint !== undefined && hint !== "for the other"),
        [],
      );
      for (const end of ends) end();
    },
  },
  {
    id: "H5",
    group,
    text: "a hint of 200 bytes or more is an invalid argument, counted in UTF-8; 199 are fine",
    rule,
    test: async (context) => {
      const { store } = context;
      const topic = context.id();
      for (const hint of ["x".repeat(200), "é".repeat(100), "😀".repeat(50)]) {
        await rejects(`${hint.length} characters`, "INVALID_ARGUMENT", async () => store.publish(topic, hint));
      }
      store.publish(topic, "x".repeat(199));
      store.publish(topic, "");
    },
  },
  {
    id: "H6",
    group,
    text: "a listener that throws, ends itself or subscribes again disturbs nobody",
    rule,
    test: async (context) => {
      const { store } = context;
      const topic = context.id();
      const { heard, listener } = recorder();
      const ends: (() => void)[] = [];
      let calls = 0;
      const endBad = store.subscribe(topic, () => {
        calls += 1;
        if (calls > 1) return;
        endBad();
        ends.push(store.subscribe(topic, listener));
        throw new Error("a listener's own fault");
      });
      ends.push(store.subscribe(topic, listener));
      await untilHeard(context, store, topic, () => heard.length > 2 && calls > 0);
      same("calls of the ended listener", calls, 1);
      for (const end of ends) end();
    },
  },
  {
    id: "H7",
    group,
    text: "one function subscribed twice is two subscriptions",
    rule,
    test: async (context) => {
      const { store } = context;
      const topic = context.id();
      const { heard, listener } = recorder();
      const [first, second] = [store.subscribe(topic, listener), store.subscribe(topic, listener)];
      first();
      await untilHeard(context, store, topic, () => heard.length > 0);
      second();
    },
  },
  {
    id: "H8",
    group,
    text: "a commit and its hint at one opening wake a listener at another",
    rule,
    needs: ["peer"],
    test: async (context) => {
      const { store } = context;
      const peer = await context.peer();
      const topic = context.id();
      for (const [from, to] of [
        [store, peer],
        [peer, store],
      ] as const) {
        const { heard, listener } = recorder();
        const end = to.subscribe(topic, listener);
        await untilHeard(context, from, topic, () => heard.length > 0);
        end();
      }
    },
  },
];

function recorder(): { readonly heard: (string | undefined)[]; readonly listener: HintListener } {
  const heard: (string | undefined)[] = [];
  return { heard, listener: (hint) => heard.push(hint) };
}

/** Commits and publishes again and again, since a hint may be lost, until somebody was woken. */
async function untilHeard(
  context: Context,
  store: Store,
  topic: string,
  heard: () => boolean,
  hint = "hint",
): Promise<void> {
  const owner = context.owner();
  const key = fresh(context);
  await make(store, owner, key);
  await context.eventually("a listener is woken", async () => {
    if (heard()) return true;
    await store.commit(owner, [counting(key, { name: "n", by: 1 })]);
    store.publish(topic, hint);
    return false;
  });
}
