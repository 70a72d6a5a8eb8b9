import { isHoldfastError } from "../../../record/errors.ts";
import type { RecordKey } from "../../../record/record.ts";
import type { RecordDump, Store } from "../../../store/contract.ts";
import { race } from "../../race.ts";
import { holds, rejects, same } from "../check.ts";
import { apply, counting, creation, fresh, isAbsent, live, make, span } from "../kit.ts";
import type { Context, Requirement } from "../requirement.ts";

const group = "abort, close and health";

type Call = readonly [name: string, call: (store: Store, signal?: AbortSignal) => unknown];

export const lifecycle: readonly Requirement[] = [
  {
    id: "Z1",
    group,
    text: "a call with an aborted signal ends with ABORTED, and a commit then wrote nothing",
    rule: "abort",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      for (const [name, call] of callsWithSignal(context, owner, key)) {
        await rejects(name, "ABORTED", () => call(store, AbortSignal.abort()));
      }
      same("the record", await isAbsent(store, owner, key), true);
    },
  },
  {
    id: "Z2",
    group,
    text: "a commit aborted on its way is either written and acknowledged or neither",
    rule: "abort",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const { outcomes } = await race(60, async (index) => {
        const controller = new AbortController();
        const commit = store.commit(owner, [counting(key, { name: "n", by: 1 })], { signal: controller.signal });
        const steps = index % 6;
        for (let step = 0; step < steps; step += 1) {
          await (step < 3 ? Promise.resolve() : new Promise((resolve) => setImmediate(resolve)));
        }
        controller.abort();
        return commit;
      });
      let written = 0;
      for (const outcome of outcomes) {
        if (outcome.status === "fulfilled") written += outcome.value.ok ? 1 : 0;
        else
          holds("what an aborted commit threw", isHoldfastError(outcome.reason, "ABORTED"), outcome.reason, "ABORTED");
      }
      same("the counter", (await live(store, owner, key)).counters.get("n") ?? 0, written);
    },
  },
  {
    id: "Z3",
    group,
    text: "one caller's abort disturbs no commit of another's",
    rule: "8",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const givingUp: AbortController[] = [];
      const running = race(40, (index) => {
        if (index % 2 === 0) return store.commit(owner, [counting(key, { name: "kept", by: 1 })]);
        const controller = new AbortController();
        givingUp.push(controller);
        return store.commit(owner, [counting(key, { name: "given up", by: 1 })], { signal: controller.signal });
      });
      await Promise.resolve();
      await Promise.resolve();
      for (const controller of givingUp) controller.abort();
      const { outcomes } = await running;
      const even = outcomes.filter((_, index) => index % 2 === 0);
      same(
        "outcomes of the others",
        even.map(({ status }) => status),
        span(1, 20).map(() => "fulfilled"),
      );
      same("their counter", (await live(store, owner, key)).counters.get("kept"), 20);
    },
  },
  {
    id: "Z4",
    group,
    text: "after `close` every call ends with CLOSED",
    rule: "close",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      await store.close();
      for (const [name, call] of [...callsWithSignal(context, owner, key), ...callsWithout]) {
        await rejects(name, "CLOSED", async () => call(store));
      }
    },
  },
  {
    id: "Z5",
    group,
    text: "`close` may be called again and at once by several; disposing is closing",
    rule: "close",
    test: async (context) => {
      const { store } = context;
      const { errors } = await race(3, () => store.close());
      same("errors", errors, []);
      await store.close();
      await store[Symbol.asyncDispose]();
      await rejects("a read", "CLOSED", () => store.read(context.owner(), fresh(context)));
    },
  },
  {
    id: "Z6",
    group,
    text: "`close` waits for what is in flight: commits begun before it have settled when it resolves",
    rule: "close",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      let settled = 0;
      const writing = Promise.allSettled(
        span(1, 30).map(async () => {
          try {
            return await store.commit(owner, [creation(fresh(context))]);
          } finally {
            settled += 1;
          }
        }),
      );
      await store.close();
      same("how many had settled", settled, 30);
      const outcomes = await writing;
      const accepted = outcomes.filter((outcome) => outcome.status === "fulfilled" && outcome.value.ok);
      same("how many were accepted", accepted.length, 30);
    },
  },
  {
    id: "Z7",
    group,
    text: "a healthy store says so, and in a sentence what survives what",
    rule: "health",
    test: async ({ store }) => {
      const health = await store.health();
      same("ok", health.ok, true);
      holds("the sentence on durability", /\S\s+\S/.test(health.durability), health.durability, "a sentence");
      holds("the name", store.traits.name.length > 0, store.traits.name, "a name");
    },
  },
  {
    id: "Z8",
    group,
    text: "malformed input is rejected, never thrown past the promise, and leaves the store at work",
    rule: "commit",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      const malformed = [
        { ...key, expect: "absent" },
        { ...key, expect: 0 },
        { ...key, expect: 1.5 },
        { ...key, expect: "absent", create: { text: "{}", lifetime: { idleMs: -1 } } },
        { ...key, expect: "absent", create: { text: "{}", lifetime: { absoluteMs: 0.5 } } },
        { ...key, expect: "present", appends: [{ stream: "log", data: [], keep: -1 }] },
        { ...key, expect: "present", appends: [{ stream: "log", data: [], expectedHead: 0.5 }] },
        { ...key, expect: "present", trims: [{ stream: "log", through: -1 }] },
      ] as const;
      for (const change of malformed) {
        const promise = store.commit(owner, [change]);
        await rejects(JSON.stringify(change), "INVALID_ARGUMENT", () => promise);
      }
      await apply(store, owner, creation(key));
    },
  },
];

const noAccount = { floor: 0, importFloor: 0, commits: [] };

function callsWithSignal(
  context: Context,
  owner: ReturnType<Context["owner"]>,
  key: ReturnType<typeof fresh>,
): readonly Call[] {
  return [
    ["read", (store, signal) => store.read(owner, key, { signal })],
    [
      "commit",
      (store, signal) =>
        store.commit(
          owner,
          [creation(fresh(context)), { ...key, expect: "any", create: { text: "{}", lifetime: {} } }],
          { signal },
        ),
    ],
    ["events", (store, signal) => store.events(owner, key, "log", { limit: 5, signal })],
    ["list", (store, signal) => store.list(owner, key.kind, { limit: 5, order: "oldest", signal })],
    ["health", (store, signal) => store.health({ signal })],
    ["scan", (store, signal) => store.admin.scan({ limit: 5, signal })],
    ["reap", (store, signal) => store.admin.reap({ limit: 5, signal })],
    ["usage", (store, signal) => store.usage(owner, { signal })],
    ["inspect", (store, signal) => store.admin.inspect(owner, key, { signal })],
    ["erase", (store, signal) => store.admin.erase(owner, { signal })],
    ["export", (store, signal) => store.admin.export(owner, key, { signal })],
    ["import", (store, signal) => store.admin.import(owner, dumpOf(key), { signal })],
    ["owners", (store, signal) => store.admin.owners({ limit: 5, signal })],
    ["exportAccount", (store, signal) => store.admin.exportAccount(owner, { limit: 5, signal })],
    ["importAccount", (store, signal) => store.admin.importAccount(owner, noAccount, { signal })],
    ["stats", (store, signal) => store.admin.stats({ signal })],
  ];
}

const callsWithout: readonly Call[] = [
  ["publish", (store) => store.publish("topic", "hint")],
  ["subscribe", (store) => store.subscribe("topic", () => undefined)],
];

function dumpOf(key: RecordKey): RecordDump {
  const times = { createdAt: 1, updatedAt: 1, touchedAt: 1 };
  const content = { fields: {}, counters: new Map(), streams: new Map(), documentPosition: 0, documentBytes: 2 };
  return {
    record: { ...key, version: 1, incarnation: 1, ...times, lifetime: {}, ...content, document: "{}" },
    events: {},
  };
}
