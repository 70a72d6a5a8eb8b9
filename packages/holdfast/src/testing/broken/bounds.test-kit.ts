import { isHoldfastError } from "../../record/errors.ts";
import { type Lifetime, maxLifetimeMs, type Owner } from "../../record/record.ts";
import type { Committed, ListPage, ReadAnswer } from "../../store/contract.ts";
import { adminOf, alteringCommits, type BrokenStore, wrapping } from "./broken-store.test-kit.ts";

/** Faults in how much a store takes, keeps and tells. */
export const brokenBounds: readonly BrokenStore[] = [
  wrapping("tails ignore `maxBytes`", ["K1"], (sound) => ({
    read: (owner, key, options): Promise<ReadAnswer> =>
      sound.read(owner, key, {
        ...options,
        tails: options?.tails?.map((tail) => ({ ...tail, maxBytes: undefined })),
      }),
  })),
  wrapping("`maxBytes` counts characters", ["K2"], (sound) => ({
    events: (owner, key, stream, options) => {
      const { maxBytes } = options;
      // Of the texts it is tried with, characters are two fifths of the bytes.
      return sound.events(owner, key, stream, { ...options, maxBytes: maxBytes && maxBytes * 2.5 });
    },
  })),
  alteringCommits("lifetimes that are too long are cut", ["K3"], (changes, options) => [
    changes.map((change) => ({
      ...change,
      create: change.create && { ...change.create, lifetime: cut(change.create.lifetime) },
      lifetime: change.lifetime && cut(change.lifetime),
    })),
    options,
  ]),
  alteringCommits("commit ids are not counted", ["K4", "K5"], (changes, options) => [
    changes,
    { ...options, quota: { ...options.quota, commitIds: undefined } },
  ]),
  wrapping("commit ids are counted for ever", ["K5"], (sound) => {
    const counts = new Map<Owner, number>();
    return {
      commit: async (owner, changes, options): Promise<Committed> => {
        const limit = options?.quota?.commitIds;
        const count = counts.get(owner) ?? 0;
        if (limit !== undefined && count >= limit)
          return { ok: false, at: 0, refusal: { reason: "quota", quota: "commitIds", limit } };
        if (options?.commitId !== undefined) counts.set(owner, count + 1);
        return sound.commit(owner, changes, options);
      },
    };
  }),
  wrapping("names beyond the thousandth are dropped without a word", ["K6", "K7"], (sound) => ({
    commit: async (owner, changes, options): Promise<Committed> => {
      const answer = await sound.commit(owner, changes, options);
      if (answer.ok || answer.refusal.reason !== "quota" || answer.refusal.limit !== 1_000) return answer;
      const fewer = changes.map((change) => ({
        ...change,
        counters: change.counters?.filter(({ name }) => /^c\d/.test(name)),
        appends: change.appends?.filter(({ stream }) => /^s\d/.test(stream)),
      }));
      return sound.commit(owner, fewer, options);
    },
  })),
  wrapping("a cursor counts what all owners created", ["X5"], (sound) => {
    const places = new Map<string, number>();
    return {
      commit: async (owner, changes, options): Promise<Committed> => {
        const answer = await sound.commit(owner, changes, options);
        for (const { id } of changes) if (!places.has(id)) places.set(id, places.size + 1);
        return answer;
      },
      list: async (owner, kind, { after, limit, order }): Promise<ListPage> => {
        const { at, records } = await sound.list(owner, kind, { limit: 1_000, order });
        const from = records.findIndex(({ id }) => places.get(id) === Number.parseInt(after ?? "", 36)) + 1;
        const page = records.slice(from, from + limit);
        const last = places.get(page.at(-1)?.id ?? "");
        const more = from + limit < records.length && last !== undefined;
        return { at, records: page, ...(more && { next: last.toString(36) }) };
      },
    };
  }),
  wrapping("an import that takes versions back is passed over in silence", ["B2", "B5"], (sound) => ({
    admin: {
      ...adminOf(sound),
      import: async (owner, dump, options): Promise<void> => {
        await sound.admin.import(owner, dump, options).catch((error: unknown) => {
          if (!isHoldfastError(error, "CONFLICT")) throw error;
        });
      },
    },
  })),
  wrapping("only the first dump of an erased owner is taken back", ["B6"], (sound) => {
    const erased = new Map<Owner, number>();
    return {
      admin: {
        ...adminOf(sound),
        erase: async (owner, options): Promise<number> => {
          erased.set(owner, 0);
          return sound.admin.erase(owner, options);
        },
        import: async (owner, dump, options): Promise<void> => {
          const count = erased.get(owner);
          if (count !== undefined) erased.set(owner, count + 1);
          if (count === undefined || count === 0) await sound.admin.import(owner, dump, options);
        },
      },
    };
  }),
  wrapping("a dump with holes is taken as far as it goes", ["B7"], (sound) => ({
    admin: {
      ...adminOf(sound),
      import: async (owner, dump, options): Promise<void> => {
        const streams = new Map(dump.record.streams);
        const events: Record<string, (typeof dump.events)[string]> = {};
        for (const [stream, { head }] of streams) {
          const list = (dump.events[stream] ?? []).filter(({ position }) => position === head);
          streams.set(stream, { head, first: head - list.length + 1 });
          events[stream] = list;
        }
        await sound.admin.import(owner, { record: { ...dump.record, streams }, events }, options);
      },
    },
  })),
];

function cut(lifetime: Lifetime): Lifetime {
  return Object.fromEntries(
    Object.entries(lifetime).map(([name, ms]) => [name, ms === undefined ? ms : Math.min(ms, maxLifetimeMs)]),
  );
}
