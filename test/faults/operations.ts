/** Every operation of the contract that is answered, and how to tell whether it took effect. */
import type { Change, CommitOptions, Owner, RecordKey, Store, StoreAdmin } from "holdfast/contract";

export type Operation = {
  readonly call: (store: Store, owner: Owner) => Promise<unknown>;
  /** For those that write: how often it was carried out, as another node sees it. */
  readonly times?: (store: Store, owner: Owner) => Promise<number>;
  /** Concerns every owner, so that nobody else may be at work. */
  readonly alone?: true;
};

const note: RecordKey = { kind: "note", id: "one" };
const gone: RecordKey = { kind: "note", id: "gone" };
const moved: RecordKey = { kind: "note", id: "moved" };
const creation = (key: RecordKey): Change => ({
  ...key,
  expect: "absent",
  create: { text: "{}", lifetime: { retainMs: 0 } },
});
const count: Change = {
  ...note,
  expect: "present",
  counters: [{ name: "n", by: 1 }],
  appends: [{ stream: "log", data: ["x"] }],
};
const commitId = { id: "under this id", digest: "d", origin: "caller" } as const;

/** What is there before the fault: a live record, an ended one, and one that is about to be moved here. */
export async function prepare(store: Store, owner: Owner): Promise<void> {
  await store.commit(owner, [creation(note), creation(gone)]);
  await store.commit(owner, [{ ...gone, expect: 1, end: true }]);
}

export const operations: Readonly<Record<string, Operation>> = {
  read: {
    call: (store, owner) =>
      store.read(owner, note, { tails: [{ stream: "log", after: 0, limit: 10 }], commitId: commitId.id }),
  },
  commit: { call: (store, owner) => commit(store, owner), times: counted },
  "commit under an id": { call: (store, owner) => commit(store, owner, { commitId }), times: counted },
  "commit of several records": {
    call: (store, owner) => accepted(store.commit(owner, [count, creation(moved)])),
    times: counted,
  },
  "commit under a fence": {
    call: (store, owner) => commit(store, owner, { fence: { key: note, token: 1 } }),
    times: counted,
  },
  "commit under a quota": { call: (store, owner) => commit(store, owner, { quota: { records: 10 } }), times: counted },
  events: { call: (store, owner) => store.events(owner, note, "log", { limit: 10 }) },
  list: { call: (store, owner) => store.list(owner, "note", { limit: 10, order: "oldest" }) },
  usage: { call: (store, owner) => store.usage(owner) },
  health: { call: (store) => store.health() },
  "admin.scan": { call: (store) => store.admin.scan({ limit: 10 }) },
  "admin.inspect": { call: (store, owner) => store.admin.inspect(owner, gone) },
  "admin.reap": {
    alone: true,
    call: (store) => store.admin.reap({ limit: 1_000 }),
    times: async (store, owner) => ((await store.admin.inspect(owner, gone)) === undefined ? 1 : 0),
  },
  "admin.erase": {
    call: (store, owner) => store.admin.erase(owner),
    times: async (store, owner) => ((await store.admin.inspect(owner, note)) === undefined ? 1 : 0),
  },
  "admin.export": { call: (store, owner) => store.admin.export(owner, note) },
  "admin.import": {
    call: (store, owner) => store.admin.import(owner, dump),
    times: async (store, owner) => ((await store.admin.inspect(owner, moved)) === undefined ? 0 : 1),
  },
  "admin.owners": { call: (store) => store.admin.owners({ limit: 10 }) },
  "admin.exportAccount": { call: (store, owner) => store.admin.exportAccount(owner, { limit: 10 }) },
  "admin.importAccount": {
    call: (store, owner) => store.admin.importAccount(owner, { floor: 50, importFloor: 50, commits: [] }),
    times: async (store, owner) => ((await store.admin.exportAccount(owner, { limit: 1 }))?.floor === 50 ? 1 : 0),
  },
  "admin.stats": { call: (store) => store.admin.stats() },
};

/** Methods that answer nobody, and end nothing but themselves. */
type Unanswered =
  | "traits"
  | "figures"
  | "publish"
  | "subscribe"
  | "shed"
  | "admin"
  | "close"
  | typeof Symbol.asyncDispose;
/** Fails to compile where the contract has an operation that the table lacks. */
export type Covered = Exclude<keyof Store, Unanswered> | `admin.${keyof StoreAdmin}`;
const covered: Readonly<Record<Covered, true>> = {
  read: true,
  commit: true,
  events: true,
  list: true,
  usage: true,
  health: true,
  "admin.scan": true,
  "admin.inspect": true,
  "admin.reap": true,
  "admin.erase": true,
  "admin.export": true,
  "admin.import": true,
  "admin.owners": true,
  "admin.exportAccount": true,
  "admin.importAccount": true,
  "admin.stats": true,
};
export const mustBeCovered: readonly string[] = Object.keys(covered);

/** A record as another store would have exported it. */
const dump = {
  record: {
    ...moved,
    version: 9,
    incarnation: 9,
    createdAt: 1_700_000_000_000,
    updatedAt: 1_700_000_000_000,
    touchedAt: 1_700_000_000_000,
    lifetime: {},
    fields: {},
    counters: new Map(),
    streams: new Map(),
    document: "{}",
    documentPosition: 0,
    documentBytes: 2,
  },
  events: {},
};

function commit(store: Store, owner: Owner, options: CommitOptions = {}): Promise<unknown> {
  return accepted(store.commit(owner, [count], options));
}

async function accepted(committed: ReturnType<Store["commit"]>): Promise<unknown> {
  const answer = await committed;
  if (!answer.ok)
    throw new Error(`a commit that nothing speaks against was refused: ${JSON.stringify(answer.refusal)}`);
  return answer;
}

async function counted(store: Store, owner: Owner): Promise<number> {
  return (await store.read(owner, note)).record?.counters.get("n") ?? 0;
}
