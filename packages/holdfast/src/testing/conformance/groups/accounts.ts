import type { Owner } from "../../../record/record.ts";
import type { AccountDump, AccountPage, CommitId, RememberedCommit, Store } from "../../../store/contract.ts";
import { CheckFailed, holds, present, rejects, same } from "../check.ts";
import { accepted, apply, counting, fresh, live, make, reaped, refusal, span } from "../kit.ts";
import type { Context, Requirement } from "../requirement.ts";

const group = "accounts";
const rule = "admin";
const hour = 3_600_000;

function caller(id: string, digest = "digest"): { readonly commitId: CommitId } {
  return { commitId: { id, digest, origin: "caller" } };
}

export const accounts: readonly Requirement[] = [
  {
    id: "R1",
    group,
    text: "every owner that anything is known of is shown once, page by page: with records, reaped or erased, and no other",
    rule,
    test: async (context) => {
      const { store } = context;
      const [having, emptied, erased, unknown] = [context.owner(), context.owner(), context.owner(), context.owner()];
      for (const owner of [having, emptied, erased]) await make(store, owner, fresh(context), "{}");
      const gone = fresh(context);
      await make(store, emptied, gone, "{}", { absoluteMs: 1 });
      await context.elapse(5);
      await reaped(store, emptied);
      await store.admin.erase(erased);
      await store.usage(unknown);
      await store.read(unknown, fresh(context));
      for (const limit of [1, 2, 1_000]) {
        const found = await ownersOf(store, limit);
        const mine = found.filter((owner) => [having, emptied, erased, unknown].includes(owner));
        same(`by ${limit}`, mine.toSorted(), [having, emptied, erased].sort());
      }
      same("the account of an unknown owner", await store.admin.exportAccount(unknown, { limit: 1 }), undefined);
    },
  },
  {
    id: "R2",
    group,
    text: "a scan of one owner shows its records in the order they were created, made again means created again",
    rule,
    test: async (context) => {
      const { store } = context;
      const [owner, other] = [context.owner(), context.owner()];
      const keys = span(1, 7).map((index) => fresh(context, index % 3 === 0 ? "other" : "note"));
      for (const key of keys) {
        await make(store, owner, key, "{}", { retainMs: hour });
        await make(store, other, fresh(context));
      }
      const [first, second] = [present("a key", keys[0]), present("a key", keys[1])];
      for (const key of [first, second]) await apply(store, owner, { ...key, expect: "present", end: true });
      await make(store, owner, first);
      await apply(store, owner, { ...present("a key", keys[3]), expect: "present", document: { text: "1" } });
      const order = [...keys.slice(1), first].map(({ id }) => id);
      for (const limit of [1, 3, 1_000]) same(`by ${limit}`, await scanned(context, owner, limit), order);
      const others = keys.filter(({ kind }) => kind === "other").map(({ id }) => id);
      same("one kind", await scanned(context, owner, 1, "other"), others);
      same("an unknown owner", await scanned(context, context.owner(), 1), []);
      const { next } = await store.admin.scan({ owner, limit: 1 });
      await rejects("a cursor of another owner", "INVALID_ARGUMENT", () =>
        store.admin.scan({ owner: other, limit: 1, after: present("a cursor", next) }),
      );
    },
  },
  {
    id: "R3",
    group,
    text: "a floor that was imported keeps versions from being used again, and never falls",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const [from, to] = [context.owner(), context.owner()];
      const key = fresh(context);
      await make(store, from, key);
      for (const text of ["1", "2", "3"]) await apply(store, from, { ...key, expect: "present", document: { text } });
      const { version } = await apply(store, from, { ...key, expect: "present", end: true });
      await context.elapse(1);
      await reaped(store, from);
      const account = await accountOf(store, from);
      holds("the floor", account.floor >= version, account.floor, `at least ${version}`);
      await store.admin.importAccount(to, account);
      same("the floors", floorsOf(await accountOf(store, to)), floorsOf(account));
      await store.admin.importAccount(to, { floor: 1, importFloor: 0, commits: [] });
      same("the floors after a lower one", floorsOf(await accountOf(store, to)), floorsOf(account));
      const again = await make(store, to, key);
      holds("the version made again", again.version > version, again.version, `above ${version}`);
    },
  },
  {
    id: "R4",
    group,
    text: "a commit id that was imported answers its first outcome, once more imported too, and is counted once",
    rule: "6",
    test: async (context) => {
      const { store } = context;
      const [from, to] = [context.owner(), context.owner()];
      const key = fresh(context);
      await make(store, from, key, "{}", { idleMs: hour });
      const change = {
        ...counting(key, { name: "__proto__", by: 2 }),
        appends: [{ stream: "log", data: ["a"] }],
        document: { text: "1" },
      };
      const first = await accepted(store, from, [change], caller("é once"));
      await accepted(store, from, [change], { commitId: { id: "ours", digest: "d", origin: "internal" } });
      const account = await accountOf(store, from);
      same("ids in the account", idsOf(account), ["é once"]);
      await store.admin.import(to, present("the dump", await store.admin.export(from, key)));
      for (const _ of span(1, 2)) await store.admin.importAccount(to, account);
      same("the account there", await accountOf(store, to), account);
      const before = await live(store, to, key);
      const again = await accepted(store, to, [change], caller("é once"));
      same("a repeat", [again.replayed, again.at, again.results], [true, first.at, first.results]);
      same("another intent", (await refusal(store, to, [change], caller("é once", "other"))).reason, "commit-id");
      same("the record", await live(store, to, key), before);
      const two = { quota: { commitIds: 2 } };
      await accepted(store, to, [change], { ...caller("second"), ...two });
      same("a third", (await refusal(store, to, [change], { ...caller("third"), ...two })).reason, "quota");
    },
  },
  {
    id: "R5",
    group,
    text: "an imported commit id is forgotten a day after its commit, and not taken in once that is over",
    rule: "6",
    needs: ["advanceClock"],
    test: async (context) => {
      const { store } = context;
      const [from, to, late] = [context.owner(), context.owner(), context.owner()];
      const key = fresh(context);
      await make(store, from, key);
      await accepted(store, from, [counting(key, { name: "n", by: 1 })], caller("once"));
      const account = await accountOf(store, from);
      await context.elapse(20 * hour);
      for (const owner of [from, to, late]) await make(store, owner, fresh(context));
      await make(store, to, key);
      await accepted(store, to, [counting(key, { name: "n", by: 1 })], caller("young"));
      await store.admin.importAccount(to, account);
      const early = await accepted(store, to, [counting(key, { name: "n", by: 1 })], caller("once"));
      same("within the day", early.replayed, true);
      await context.elapse(5 * hour);
      same("remembered there", idsOf(await accountOf(store, to)), ["young"]);
      await store.admin.importAccount(late, account);
      same("remembered where it came late", idsOf(await accountOf(store, late)), []);
      const again = await accepted(store, to, [counting(key, { name: "n", by: 1 })], caller("once"));
      same("after the day", again.replayed, false);
    },
  },
  {
    id: "R6",
    group,
    text: "an account is exported page by page, each commit id once",
    rule,
    test: async (context) => {
      const { store } = context;
      const owner = context.owner();
      const key = fresh(context);
      await make(store, owner, key);
      const ids = span(1, 9).map((index) => `id ${index}`);
      for (const id of ids) await accepted(store, owner, [counting(key, { name: "n", by: 1 })], caller(id));
      for (const limit of [1, 4, 9, 1_000]) {
        const pages = await pagesOf(store, owner, limit);
        holds(
          `pages by ${limit}`,
          pages.every(({ commits }) => commits.length <= limit),
          pages,
          `at most ${limit} each`,
        );
        same(`ids by ${limit}`, pages.flatMap(idsOf).sort(), ids);
      }
    },
  },
  {
    id: "R7",
    group,
    text: "after a move, records and account may be put in once more, and what was reaped before it is still refused",
    rule: "1",
    test: async (context) => {
      const { store } = context;
      const [from, to] = [context.owner(), context.owner()];
      const [gone, stays] = [fresh(context), fresh(context)];
      await make(store, from, gone, '"old"');
      const old = present("the dump of what goes", await store.admin.export(from, gone));
      await make(store, from, stays);
      await apply(store, from, { ...gone, expect: "present", document: { text: "1" } });
      await apply(store, from, { ...gone, expect: "present", end: true });
      await context.elapse(1);
      await reaped(store, from);
      const dump = present("the dump", await store.admin.export(from, stays));
      const account = await accountOf(store, from);
      for (const _ of span(1, 2)) {
        await store.admin.import(to, dump);
        await store.admin.importAccount(to, account);
      }
      same("the record", await live(store, to, stays), await live(store, from, stays));
      await rejects("importing what was reaped", "CONFLICT", () => store.admin.import(to, old));
    },
  },
  {
    id: "R8",
    group,
    text: "an account that no store could have exported is an invalid argument, and writes nothing",
    rule,
    test: async (context) => {
      const { store } = context;
      const [from, to] = [context.owner(), context.owner()];
      const key = fresh(context);
      await make(store, from, key);
      await accepted(store, from, [counting(key, { name: "n", by: 1 })], caller("once"));
      const account = await accountOf(store, from);
      for (const [what, wrong] of wrongAccounts(account)) {
        await rejects(what, "INVALID_ARGUMENT", () => store.admin.importAccount(to, wrong));
      }
      same("the account", await store.admin.exportAccount(to, { limit: 1 }), undefined);
      for (const limit of [0, 1.5, 1_001]) {
        await rejects(`owners by ${limit}`, "INVALID_ARGUMENT", () => store.admin.owners({ limit }));
        await rejects(`an account by ${limit}`, "INVALID_ARGUMENT", () => store.admin.exportAccount(from, { limit }));
      }
    },
  },
];

function wrongAccounts(account: AccountDump): readonly (readonly [what: string, wrong: AccountDump])[] {
  const commit = present("a commit", account.commits[0]);
  const result = present("a result", commit.results[0]);
  const having = (part: Partial<RememberedCommit>): AccountDump => ({ ...account, commits: [{ ...commit, ...part }] });
  return [
    ["a floor below 0", { ...account, floor: -1 }],
    ["a floor that is no whole number", { ...account, floor: 1.5 }],
    ["an import floor above the floor", { ...account, floor: 1, importFloor: 2 }],
    ["an id twice", { ...account, commits: [commit, commit] }],
    ["an id that is none", having({ id: "" })],
    ["an id that is too long", having({ id: "x".repeat(257) })],
    ["no time", having({ at: Number.NaN })],
    ["no results", having({ results: [] })],
    ["too many results", having({ results: span(1, 17).map(() => result) })],
    ["version 0", having({ results: [{ ...result, version: 0 }] })],
    ["an incarnation above its version", having({ results: [{ ...result, incarnation: result.version + 1 }] })],
    ["a counter that is no whole number", having({ results: [{ ...result, counters: new Map([["n", 0.5]]) }] })],
    ["a head below 0", having({ results: [{ ...result, heads: new Map([["log", -1]]) }] })],
    ["a digest with a lone surrogate", having({ digest: "\ud800" })],
    ["too many ids", { ...account, commits: span(1, 1_001).map((index) => ({ ...commit, id: `${index}` })) }],
  ];
}

function floorsOf({ floor, importFloor }: AccountDump): readonly number[] {
  return [floor, importFloor];
}

function idsOf({ commits }: AccountDump): readonly string[] {
  return commits.map(({ id }) => id);
}

/** An account that fits into one page. */
async function accountOf(store: Store, owner: Owner): Promise<AccountDump> {
  const page = present("the account", await store.admin.exportAccount(owner, { limit: 100 }));
  same("another page", page.next, undefined);
  const { floor, importFloor, commits } = page;
  return { floor, importFloor, commits };
}

async function pagesOf(store: Store, owner: Owner, limit: number): Promise<readonly AccountPage[]> {
  const pages: AccountPage[] = [];
  await paging(async (after) => {
    const page = present("a page", await store.admin.exportAccount(owner, { limit, after }));
    pages.push(page);
    return page.next;
  });
  return pages;
}

async function ownersOf(store: Store, limit: number): Promise<readonly Owner[]> {
  const found: Owner[] = [];
  await paging(async (after) => {
    const page = await store.admin.owners({ limit, after });
    holds("a page of owners", page.owners.length <= limit, page.owners.length, `at most ${limit}`);
    found.push(...page.owners);
    return page.next;
  });
  return found;
}

async function scanned({ store }: Context, owner: Owner, limit: number, kind?: string): Promise<readonly string[]> {
  const ids: string[] = [];
  await paging(async (after) => {
    const page = await store.admin.scan({ owner, limit, after, kind });
    holds("a page of a scan", page.records.length <= limit, page.records.length, `at most ${limit} records`);
    same("owners", page.records.filter((record) => record.owner !== owner).length, 0);
    ids.push(...page.records.map(({ id }) => id));
    return page.next;
  });
  return ids;
}

async function paging(page: (after: string | undefined) => Promise<string | undefined>): Promise<void> {
  let after: string | undefined;
  let pages = 0;
  do {
    after = await page(after);
    pages += 1;
    if (pages > 100_000) throw new CheckFailed("the pages do not end");
  } while (after !== undefined);
}
