import { race } from "../../race.ts";
import { holds, same } from "../check.ts";
import {
  appending,
  apply,
  counting,
  creation,
  dataOf,
  eventsOf,
  everythingOf,
  fresh,
  isAbsent,
  live,
  make,
  refusal,
} from "../kit.ts";
import type { Requirement } from "../requirement.ts";

const group = "fences";
const rule = "fencing";

export const fences: readonly Requirement[] = [
  {
    id: "F1",
    group,
    text: "a commit fenced with the standing token is accepted, also when it changes the lease itself",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [lease, work] = [fresh(context, "lease"), fresh(context)];
      const { version: token } = await make(store, owner, lease);
      await apply(store, owner, creation(work), { fence: { key: lease, token } });
      const renewed = await apply(
        store,
        owner,
        { ...lease, expect: "present", document: { text: "1" } },
        { fence: { key: lease, token } },
      );
      await apply(store, owner, counting(work, { name: "n", by: 1 }), {
        fence: { key: lease, token: renewed.version },
      });
    },
  },
  {
    id: "F2",
    group,
    text: "once a higher token was granted, commits fenced with the lower one are refused and write nothing",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [lease, work] = [fresh(context, "lease"), fresh(context)];
      const { version: token } = await make(store, owner, lease);
      await make(store, owner, work);
      const granted = await apply(store, owner, { ...lease, expect: token, document: { text: '"next holder"' } });
      const before = await everythingOf(store, owner, work);
      const change = {
        ...appending(work, "log", "lost"),
        document: { text: '"lost"' },
        counters: [{ name: "n", by: 1 }],
      };
      const answer = await refusal(store, owner, [change, creation(fresh(context))], { fence: { key: lease, token } });
      same("the refusal", answer, { reason: "fence", token, actual: granted.version });
      same("the record afterwards", await everythingOf(store, owner, work), before);
    },
  },
  {
    id: "F3",
    group,
    text: "a fence on an ended, expired or unknown lease refuses",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [ended, expired, unknown, work] = [
        fresh(context, "lease"),
        fresh(context, "lease"),
        fresh(context, "lease"),
        fresh(context),
      ];
      const { version: first } = await make(store, owner, ended);
      await apply(store, owner, { ...ended, expect: "present", end: true });
      const { version: second } = await make(store, owner, expired, "{}", { absoluteMs: 100 });
      await context.elapse(150);
      for (const [key, token] of [
        [ended, first],
        [expired, second],
        [unknown, 1],
      ] as const) {
        const answer = await refusal(store, owner, [creation(work)], { fence: { key, token } });
        holds(
          "the refusal",
          answer.reason === "fence" && answer.token === token && answer.actual === undefined,
          answer,
          `fence, token ${token}, no actual`,
        );
      }
      same("the fenced record", await isAbsent(store, owner, work), true);
    },
  },
  {
    id: "F4",
    group,
    text: "after a takeover was written, nothing written under the old token follows it, in any interleaving",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const [lease, work] = [fresh(context, "lease"), fresh(context)];
      const { version: token } = await make(store, owner, lease);
      await make(store, owner, work);
      const { errors } = await race(40, async (index) => {
        if (index === 20) {
          const grant = { ...lease, expect: token, document: { text: '"next holder"' } } as const;
          await store.commit(owner, [grant, appending(work, "log", "takeover")]);
          return;
        }
        await store.commit(owner, [appending(work, "log", "old")], { fence: { key: lease, token } });
        await store.commit(owner, [appending(work, "log", "old")], { fence: { key: lease, token } });
      });
      same("errors", errors, []);
      const log = dataOf(await eventsOf(store, owner, work, "log"));
      holds(
        "the log",
        log.includes("takeover") && log.lastIndexOf("old") < log.indexOf("takeover"),
        log,
        "nothing old after the takeover",
      );
    },
  },
  {
    id: "F5",
    group,
    text: "a fence is looked for among the same owner's records only",
    rule: "3",
    test: async (context) => {
      const { store } = context;
      const [mine, theirs] = [context.owner(), context.owner()];
      const lease = fresh(context, "lease");
      const { version: token } = await make(store, theirs, lease);
      const answer = await refusal(store, mine, [creation(fresh(context))], { fence: { key: lease, token } });
      same("the reason", answer.reason, "fence");
    },
  },
  {
    id: "F6",
    group,
    text: "what leaves the version alone leaves the token standing",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const lease = fresh(context, "lease");
      const { version: token } = await make(store, owner, lease, "{}", { idleMs: 60_000 });
      await apply(store, owner, {
        ...appending(lease, "log", "x"),
        counters: [{ name: "n", by: 1 }],
        lifetime: { idleMs: 90_000 },
      });
      await apply(store, owner, creation(fresh(context)), { fence: { key: lease, token } });
    },
  },
  {
    id: "F7",
    group,
    text: "tokens of a lease grow across its end and its reaping, and an old token never fits again",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const lease = fresh(context, "lease");
      const tokens = [(await make(store, owner, lease)).version];
      for (let round = 0; round < 3; round += 1) {
        await apply(store, owner, { ...lease, expect: "present", end: true });
        await context.elapse(1);
        await store.admin.reap({ limit: 1_000 });
        tokens.push((await make(store, owner, lease)).version);
      }
      same(
        "tokens in order",
        tokens,
        [...new Set(tokens)].sort((a, b) => a - b),
      );
      for (const token of tokens.slice(0, -1)) {
        same(
          "an old token",
          (await refusal(store, owner, [creation(fresh(context))], { fence: { key: lease, token } })).reason,
          "fence",
        );
      }
      same("the lease", (await live(store, owner, lease)).version, tokens.at(-1));
    },
  },
];
