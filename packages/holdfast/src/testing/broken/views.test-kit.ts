/**
 * Faults of stores that several openings share and that outlive a close. An opening here is a view of one memory store:
 * closing it closes nothing but itself.
 */

import type { Change } from "../../record/change.ts";
import { decide as soundly } from "../../record/decide.ts";
import { HoldfastError } from "../../record/errors.ts";
import type {
  CommitOptions,
  Committed,
  ListPage,
  ReadAnswer,
  ReapAnswer,
  ReapedRecord,
  ReapOptions,
  Store,
} from "../../store/contract.ts";
import { memoryStore, memoryStoreDeciding } from "../../stores/memory/store.ts";
import type { StoreUnderTest } from "../conformance/requirement.ts";
import {
  adminOf,
  type BrokenStore,
  type Clock,
  type FaultyDecide,
  movableClock,
  replaced,
} from "./broken-store.test-kit.ts";
import { oneAtATime, overwritingCounters } from "./counters.test-kit.ts";

/** One opening: `index` counts openings of the same data from 0. */
type Opening = { readonly view: Store; readonly data: Store; readonly index: number; readonly clock: Clock };

type DataOptions = {
  /** May replace the data on reopening. */
  readonly renew?: (data: Store, clock: Clock) => Promise<Store>;
  readonly decide?: FaultyDecide;
};

/** Openings of one memory store, each made by `opened` from a sound view. */
export async function openViews(
  opened: (opening: Opening) => Store,
  { renew = async (data) => data, decide = soundly }: DataOptions = {},
): Promise<StoreUnderTest> {
  const clock = movableClock();
  let data = await memoryStoreDeciding(decide, { clock: clock.now });
  const all = [data];
  let openings = 0;
  const open = (): Store => {
    const index = openings;
    openings += 1;
    return opened({ view: viewOf(data), data, index, clock });
  };
  return {
    store: open(),
    peer: async () => open(),
    reopen: async () => {
      data = await renew(data, clock);
      all.push(data);
      return open();
    },
    advanceClock: clock.advance,
    dispose: async () => {
      for (const each of all) await each.close();
    },
  };
}

/** A view with its own end. */
function viewOf(data: Store): Store {
  const inFlight = new Set<Promise<unknown>>();
  const ends = new Set<() => void>();
  let closed = false;

  const assertOpen = (): void => {
    if (closed) throw new HoldfastError("CLOSED", "this view is closed");
  };
  const run = async <T>(call: () => Promise<T>): Promise<T> => {
    assertOpen();
    const promise = call();
    inFlight.add(promise);
    try {
      return await promise;
    } finally {
      inFlight.delete(promise);
    }
  };
  const close = async (): Promise<void> => {
    closed = true;
    for (const end of ends) end();
    await Promise.allSettled(inFlight);
  };
  const { admin } = data;
  return {
    traits: { ...data.traits, durability: "process", shared: true },
    read: (owner, key, options) => run(() => data.read(owner, key, options)),
    commit: (owner, changes, options) => run(() => data.commit(owner, changes, options)),
    events: (owner, key, stream, options) => run(() => data.events(owner, key, stream, options)),
    list: (owner, kind, options) => run(() => data.list(owner, kind, options)),
    usage: (owner, options) => run(() => data.usage(owner, options)),
    health: (options) => run(() => data.health(options)),
    publish: (topic, hint) => {
      assertOpen();
      data.publish(topic, hint);
    },
    subscribe: (topic, listener) => {
      assertOpen();
      const end = data.subscribe(topic, listener);
      ends.add(end);
      return () => {
        ends.delete(end);
        end();
      };
    },
    admin: {
      scan: (options) => run(() => admin.scan(options)),
      inspect: (owner, key, options) => run(() => admin.inspect(owner, key, options)),
      reap: (options) => run(() => admin.reap(options)),
      erase: (owner, options) => run(() => admin.erase(owner, options)),
      export: (owner, key, options) => run(() => admin.export(owner, key, options)),
      import: (owner, dump, options) => run(() => admin.import(owner, dump, options)),
      owners: (options) => run(() => admin.owners(options)),
      exportAccount: (owner, options) => run(() => admin.exportAccount(owner, options)),
      importAccount: (owner, dump, options) => run(() => admin.importAccount(owner, dump, options)),
      stats: (options) => run(() => admin.stats(options)),
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

export const viewCapabilities = ["reopen", "peer", "advanceClock"] as const;

function shared(fault: string, caughtBy: readonly string[], opened: (opening: Opening) => Store): BrokenStore {
  return { fault, caughtBy, capabilities: viewCapabilities, open: () => openViews(opened) };
}

function forgetful(
  fault: string,
  caughtBy: readonly string[],
  renew: (data: Store, clock: Clock) => Promise<Store>,
): BrokenStore {
  return { fault, caughtBy, capabilities: viewCapabilities, open: () => openViews(({ view }) => view, { renew }) };
}

/** What all openings of one store closed. */
const closings = new WeakMap<Store, ReapedRecord[]>();

export const brokenViews: readonly BrokenStore[] = [
  forgetful("nothing survives a close", ["D1", "D2", "D3", "D4", "D5", "D6"], (_data, clock) =>
    memoryStore({ clock: clock.now }),
  ),
  forgetful("a close loses tombstones, floors and commit ids", ["D2", "D3", "D4"], copyLive),
  shared("each opening answers reads from a cache of its own", ["P1"], ({ view }) => {
    const cache = new Map<string, ReadAnswer>();
    return replaced(view, {
      read: async (owner, key, options): Promise<ReadAnswer> => {
        const address = JSON.stringify([owner, key.kind, key.id, options?.tails]);
        const cached = cache.get(address);
        if (cached !== undefined) return cached;
        const answer = await view.read(owner, key, options);
        cache.set(address, answer);
        return answer;
      },
      commit: (owner, changes, options): Promise<Committed> => {
        cache.clear();
        return view.commit(owner, changes, options);
      },
    });
  }),
  shared("each opening compares versions before, and not inside, the write", ["P2"], ({ view }) => {
    const check = async (
      owner: Parameters<Store["commit"]>[0],
      changes: readonly Change[],
    ): Promise<Committed | undefined> => {
      for (const [index, { expect, kind, id }] of changes.entries()) {
        const { at, record } = await view.read(owner, { kind, id });
        if (typeof expect !== "number" || record?.version === expect) continue;
        return { ok: false, at, refusal: { reason: "version", index, expected: expect, actual: record?.version } };
      }
      return undefined;
    };
    return replaced(view, {
      commit: async (owner, changes, options): Promise<Committed> => {
        const refused = changes.some(({ expect }) => typeof expect === "number")
          ? await check(owner, changes)
          : undefined;
        const blind = changes.map(
          (change): Change => (typeof change.expect === "number" ? { ...change, expect: "present" } : change),
        );
        return refused ?? view.commit(owner, blind, options);
      },
    });
  }),
  shared("each opening knows its own commit ids only", ["P4", "D4"], ({ view, index }) =>
    replaced(view, {
      commit: (owner, changes, options = {}): Promise<Committed> =>
        view.commit(owner, changes, renamed(options, index)),
    }),
  ),
  shared("each opening counts its own records only", ["P5"], ({ view }) => {
    let records = 0;
    return replaced(view, {
      commit: async (owner, changes, options = {}): Promise<Committed> => {
        const limit = options.quota?.records;
        if (limit === undefined || options.quota?.ofKind !== undefined) return view.commit(owner, changes, options);
        if (records >= limit) return { ok: false, at: 0, refusal: { reason: "quota", quota: "records", limit } };
        records += 1;
        return view.commit(owner, changes, { ...options, quota: undefined });
      },
    });
  }),
  {
    fault: "additions are read at one opening and written over what another added",
    caughtBy: ["P3"],
    capabilities: viewCapabilities,
    open: () => {
      const queue = oneAtATime();
      return openViews(({ view }) => replaced(view, overwritingCounters(view, queue)));
    },
  },
  shared("a cursor means nothing to another opening", ["P7"], ({ view, index }) =>
    replaced(view, {
      list: async (owner, kind, { after, ...rest }): Promise<ListPage> => {
        const page = await view.list(owner, kind, {
          ...rest,
          after: after?.startsWith(`${index}.`) ? after.slice(2) : undefined,
        });
        return { ...page, ...(page.next !== undefined && { next: `${index}.${page.next}` }) };
      },
    }),
  ),
  {
    fault: "reaping and erasing at one opening raise no floor for another",
    caughtBy: ["P9"],
    capabilities: viewCapabilities,
    open: () =>
      openViews(({ view }) => view, {
        decide: (standing, change, index, now) => soundly(standing, change, index, now, 0),
      }),
  },
  shared("hints stay inside one opening", ["H8"], ({ view, index }) =>
    replaced(view, {
      publish: (topic, hint) => view.publish(`${index} ${topic}`, hint),
      subscribe: (topic, listener) => view.subscribe(`${index} ${topic}`, listener),
    }),
  ),
  shared("closing one opening closes all", ["P8"], ({ view, data }) =>
    replaced(view, {
      close: async () => {
        await view.close();
        await data.close();
      },
    }),
  ),
  shared("each opening tells of every expiry that any of them closed", ["P10"], ({ view, data }) => {
    const all = closings.get(data) ?? [];
    closings.set(data, all);
    let told = 0;
    const reap = async (options: ReapOptions): Promise<ReapAnswer> => {
      const answer = await view.admin.reap(options);
      all.push(...answer.closed);
      const closed = all.slice(told, told + options.limit - answer.removed.length);
      told += closed.length;
      return { ...answer, closed };
    };
    return replaced(view, { admin: { ...adminOf(view), reap } });
  }),
  shared("each opening reads a fence from what it saw last", ["P6"], ({ view }) => {
    const seen = new Map<string, number>();
    return replaced(view, {
      commit: async (owner, changes, options = {}): Promise<Committed> => {
        const { fence, ...rest } = options;
        if (fence !== undefined && (seen.get(fence.key.id) ?? fence.token) !== fence.token)
          return view.commit(owner, changes, options);
        const answer = await view.commit(owner, changes, rest);
        if (answer.ok)
          for (const [index, { id }] of changes.entries()) seen.set(id, answer.results[index]?.version ?? 0);
        return answer;
      },
    });
  }),
  {
    fault: "a store that promises durability cannot be reopened by the suite",
    caughtBy: ["D7"],
    capabilities: ["advanceClock"],
    open: async () => {
      const { reopen: _reopen, peer: _peer, ...rest } = await openViews(({ view }) => view);
      return rest;
    },
  },
];

/** Ids of an opening, made its own. */
function renamed(options: CommitOptions, index: number): CommitOptions {
  const { commitId } = options;
  return commitId === undefined
    ? options
    : { ...options, commitId: { ...commitId, id: `${index} ${commitId.id}`.slice(0, 256) } };
}

/** Takes over what a dump of every live record shows, and nothing else. */
async function copyLive(data: Store, clock: Clock): Promise<Store> {
  const copy = await memoryStore({ clock: clock.now });
  const { records } = await data.admin.scan({ limit: 1_000 });
  for (const summary of records) {
    const dump = summary.endedAt === undefined ? await data.admin.export(summary.owner, summary) : undefined;
    if (dump !== undefined) await copy.admin.import(summary.owner, dump);
  }
  return copy;
}
