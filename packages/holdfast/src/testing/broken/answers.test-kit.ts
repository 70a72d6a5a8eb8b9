import type { RecordSummary } from "../../record/record.ts";
import type { Committed, HintListener, ListPage, ReadAnswer, ScanPage } from "../../store/contract.ts";
import { adminOf, type BrokenStore, wrapping } from "./broken-store.test-kit.ts";

/** Faults in what a store answers, though it holds the right things. */
export const brokenAnswers: readonly BrokenStore[] = [
  wrapping("versions are answered counting from 0", ["V1"], (sound) => ({
    commit: async (owner, changes, options): Promise<Committed> => {
      const answer = await sound.commit(owner, changes, options);
      return answer.ok
        ? { ...answer, results: answer.results.map((result) => ({ ...result, version: result.version - 1 })) }
        : answer;
    },
  })),
  wrapping("results come in another order than the changes", ["A1", "I4"], (sound) => ({
    commit: async (owner, changes, options): Promise<Committed> => {
      const answer = await sound.commit(owner, changes, options);
      return answer.ok ? { ...answer, results: answer.results.toReversed() } : answer;
    },
  })),
  wrapping("results name every counter of the record", ["C1"], (sound) => ({
    commit: async (owner, changes, options): Promise<Committed> => {
      const answer = await sound.commit(owner, changes, options);
      const [change] = changes;
      const record = change && (await sound.read(owner, change)).record;
      if (!answer.ok || record === undefined || changes.length > 1) return answer;
      return { ...answer, results: answer.results.map((result) => ({ ...result, counters: record.counters })) };
    },
  })),
  wrapping("what ended or expired is read as long as it is held", ["E5", "E6"], (sound) => ({
    read: async (owner, key, options): Promise<ReadAnswer> => ({
      ...(await sound.read(owner, key, options)),
      record: await sound.admin.inspect(owner, key),
    }),
  })),
  wrapping("tails ignore their limit", ["T1"], (sound) => ({
    read: (owner, key, options) =>
      sound.read(owner, key, { ...options, tails: options?.tails?.map((tail) => ({ ...tail, limit: 10_000 })) }),
  })),
  wrapping("a tail after the document begins at the first event", ["T3", "T5"], (sound) => ({
    read: (owner, key, options) =>
      sound.read(owner, key, {
        ...options,
        tails: options?.tails?.map((tail) => (tail.after === "document" ? { ...tail, after: 0 } : tail)),
      }),
  })),
  wrapping("an absent record has no tails at all", ["T4"], (sound) => ({
    read: async (owner, key, options): Promise<ReadAnswer> => {
      const answer = await sound.read(owner, key, options);
      return answer.record === undefined ? { ...answer, tails: [] } : answer;
    },
  })),
  wrapping("an outcome is not found where the record is gone", ["I13"], (sound) => ({
    read: async (owner, key, options): Promise<ReadAnswer> => {
      const answer = await sound.read(owner, key, options);
      return answer.record === undefined ? { ...answer, outcome: undefined } : answer;
    },
  })),
  wrapping("an empty stream is answered like an absent record", ["S12"], (sound) => ({
    events: async (owner, key, stream, options) => {
      const page = await sound.events(owner, key, stream, options);
      return page?.head === 0 ? undefined : page;
    },
  })),
  wrapping("events carry the time they are read at", ["S14"], (sound) => ({
    events: async (owner, key, stream, options) => {
      const { at } = await sound.read(owner, key);
      const page = await sound.events(owner, key, stream, options);
      return page && { ...page, events: page.events.map((event) => ({ ...event, at })) };
    },
  })),
  wrapping("a listing shows the version before the last", ["V9", "L6"], (sound) => ({
    list: async (owner, kind, options): Promise<ListPage> => {
      const page = await sound.list(owner, kind, options);
      return { ...page, records: page.records.map((record) => ({ ...record, version: record.version - 1 })) };
    },
  })),
  wrapping("a listing is ordered by id", ["L1", "L5"], (sound) => ({
    list: async (owner, kind, options): Promise<ListPage> => {
      const page = await sound.list(owner, kind, options);
      const byId = page.records.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      return { ...page, records: options.order === "oldest" ? byId : byId.toReversed() };
    },
  })),
  wrapping("records of one commit share one place in a listing", ["L9"], (sound) => ({
    list: async (owner, kind, options): Promise<ListPage> => {
      const page = await sound.list(owner, kind, options);
      return {
        ...page,
        records: page.records.filter(({ createdAt }, index, all) => all[index - 1]?.createdAt !== createdAt),
      };
    },
  })),
  wrapping("fields are kept as the caller's own object", ["O13"], (sound) => {
    const given = new Map<string, Pick<RecordSummary, "fields">>();
    return {
      commit: (owner, changes, options) => {
        for (const { id, create } of changes)
          if (create?.fields !== undefined) given.set(id, { fields: create.fields });
        return sound.commit(owner, changes, options);
      },
      read: async (owner, key, options): Promise<ReadAnswer> => {
        const answer = await sound.read(owner, key, options);
        return { ...answer, record: answer.record && { ...answer.record, ...given.get(key.id) } };
      },
    };
  }),
  wrapping("a scan counts on instead of pointing on, and skips when something goes", ["M2"], (sound) => ({
    admin: {
      ...adminOf(sound),
      scan: async ({ after, limit, kind }): Promise<ScanPage> => {
        const { at, records } = await sound.admin.scan({ limit: 1_000, kind });
        const from = Number(after ?? 0);
        const more = from + limit < records.length;
        return { at, records: records.slice(from, from + limit), ...(more && { next: `${from + limit}` }) };
      },
    },
  })),
  wrapping("statistics are taken once", ["M9"], (sound) => {
    const once = sound.admin.stats();
    return { admin: { ...adminOf(sound), stats: () => once } };
  }),
  wrapping("one listener has one subscription per topic", ["H7"], (sound) => {
    const ends = new Map<HintListener, () => void>();
    return {
      subscribe: (topic, listener) => {
        const end = ends.get(listener) ?? sound.subscribe(topic, listener);
        ends.set(listener, end);
        return end;
      },
    };
  }),
  wrapping("a listener that throws silences its topic", ["H6"], (sound) => {
    let silent = false;
    return {
      subscribe: (topic, listener) =>
        sound.subscribe(topic, (hint) => {
          if (silent) return;
          silent = true;
          listener(hint);
          silent = false;
        }),
    };
  }),
  wrapping("health says nothing of durability", ["Z7"], (sound) => ({
    health: async (options) => ({ ...(await sound.health(options)), durability: "" }),
  })),
  wrapping("`close` does not wait for what is in flight", ["Z6"], (sound) => ({
    close: async () => {
      void sound.close();
    },
  })),
];
