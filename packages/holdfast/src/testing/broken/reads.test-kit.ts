import { isClosed } from "../../record/expiry.ts";
import type { Owner, StoredRecord } from "../../record/record.ts";
import type { HintListener, ListPage, ReadAnswer, ReapAnswer, Store } from "../../store/contract.ts";
import { adminOf, type BrokenStore, wrapping } from "./broken-store.test-kit.ts";

/** A whole listing at once, for faults in how it is cut into pages. */
async function everything(sound: Store, owner: Owner, kind: string, order: "oldest" | "newest"): Promise<ListPage> {
  return sound.list(owner, kind, { limit: 1_000, order });
}

/** Faults in what readers, listeners and operators are told. */
export const brokenReads: readonly BrokenStore[] = [
  wrapping("document and tail are read one after the other", ["T5", "A6"], (sound) => ({
    read: async (owner, key, options = {}): Promise<ReadAnswer> => {
      const { tails = [], ...rest } = options;
      const first = await sound.read(owner, key, rest);
      const second = await sound.read(owner, key, { tails });
      return { ...first, tails: second.tails };
    },
  })),
  wrapping("the newest events come newest first", ["T2"], (sound) => ({
    read: async (owner, key, options): Promise<ReadAnswer> => {
      const answer = await sound.read(owner, key, options);
      const tails = answer.tails.map((tail, index) =>
        typeof options?.tails?.[index]?.after === "object" ? tail.toReversed() : tail,
      );
      return { ...answer, tails };
    },
  })),
  wrapping("a read may be answered from an old state", ["W4", "W8"], (sound) => {
    const last = new Map<string, StoredRecord>();
    return {
      read: async (owner, key, options): Promise<ReadAnswer> => {
        const answer = await sound.read(owner, key, options);
        const address = `${owner}/${key.kind}/${key.id}`;
        const old = last.get(address);
        if (answer.record === undefined) return answer;
        last.set(address, answer.record);
        return { ...answer, record: old ?? answer.record };
      },
    };
  }),
  wrapping("an empty list in a document becomes an empty object", ["O6"], (sound) => ({
    read: async (owner, key, options): Promise<ReadAnswer> => {
      const answer = await sound.read(owner, key, options);
      const { record } = answer;
      return record === undefined
        ? answer
        : { ...answer, record: { ...record, document: record.document.replaceAll("[]", "{}") } };
    },
  })),
  wrapping("counters pass through an ordinary object", ["O5"], (sound) => ({
    read: async (owner, key, options): Promise<ReadAnswer> => {
      const answer = await sound.read(owner, key, options);
      if (answer.record === undefined) return answer;
      const plain: Record<string, number> = {};
      for (const [name, value] of answer.record.counters) plain[name] = value;
      return { ...answer, record: { ...answer.record, counters: new Map(Object.entries(plain)) } };
    },
  })),
  wrapping("text ends at its first NUL", ["O2"], (sound) => ({
    read: async (owner, key, options): Promise<ReadAnswer> => {
      const answer = await sound.read(owner, key, options);
      const { record } = answer;
      return record === undefined
        ? answer
        : { ...answer, record: { ...record, document: record.document.split("\0")[0] ?? "" } };
    },
  })),
  wrapping("a page of events ignores its upper bound", ["S5"], (sound) => ({
    events: (owner, key, stream, options) => sound.events(owner, key, stream, { ...options, before: undefined }),
  })),
  wrapping("a page of events forgets to say that there are more", ["S5", "S6", "S16"], (sound) => ({
    events: async (owner, key, stream, options) => {
      const page = await sound.events(owner, key, stream, options);
      return page && { ...page, more: false };
    },
  })),
  wrapping("a page of events ignores `maxBytes`", ["S6"], (sound) => ({
    events: (owner, key, stream, options) => sound.events(owner, key, stream, { ...options, maxBytes: undefined }),
  })),
  wrapping("a listing counts on instead of pointing on, and skips when something goes", ["L4"], (sound) => ({
    list: async (owner, kind, { after, limit, order }): Promise<ListPage> => {
      const { at, records } = await everything(sound, owner, kind, order);
      const from = Number(after ?? 0);
      const more = from + limit < records.length;
      return { at, records: records.slice(from, from + limit), ...(more && { next: `${from + limit}` }) };
    },
  })),
  wrapping("a listing gives a cursor when there is nothing more", ["L3"], (sound) => ({
    list: async (owner, kind, options): Promise<ListPage> => {
      const page = await sound.list(owner, kind, options);
      return { ...page, next: page.next ?? (page.records.length === options.limit ? "zzzzzzzz" : undefined) };
    },
  })),
  wrapping("a listing is ordered by last change", ["L5"], (sound) => ({
    list: async (owner, kind, options): Promise<ListPage> => {
      const page = await sound.list(owner, kind, options);
      return {
        ...page,
        records: page.records.toSorted((a, b) => a.version - b.version || a.counters.size - b.counters.size),
      };
    },
  })),
  wrapping("a hint reaches its listeners inside `publish`", ["H2"], () => {
    const listeners = new Map<string, Set<HintListener>>();
    return {
      publish: (topic, hint) => {
        for (const listener of listeners.get(topic) ?? []) listener(hint);
      },
      subscribe: (topic, listener) => {
        const all = listeners.get(topic) ?? new Set();
        listeners.set(topic, all.add(listener));
        return () => all.delete(listener);
      },
    };
  }),
  wrapping("only the first listener of a topic is woken", ["H1"], (sound) => {
    const topics = new Set<string>();
    return {
      subscribe: (topic, listener) => {
        if (topics.has(topic)) return () => undefined;
        topics.add(topic);
        return sound.subscribe(topic, listener);
      },
    };
  }),
  wrapping("a subscription cannot be ended", ["H3"], (sound) => ({
    subscribe: (topic, listener) => {
      sound.subscribe(topic, listener);
      return () => undefined;
    },
  })),
  wrapping("hints go to every topic", ["H4"], (sound) => ({
    publish: (_topic, hint) => sound.publish("everything", hint),
    subscribe: (_topic, listener) => sound.subscribe("everything", listener),
  })),
  wrapping("hints of any size are taken", ["H5"], (sound) => ({
    publish: (topic, hint) => sound.publish(topic, hint.slice(0, 40)),
  })),
  wrapping("usage counts what has ended", ["Q2", "Q11"], (sound) => {
    const ended = new Map<Owner, number>();
    return {
      commit: async (owner, changes, options) => {
        const answer = await sound.commit(owner, changes, options);
        if (answer.ok) ended.set(owner, (ended.get(owner) ?? 0) + changes.filter(({ end }) => end === true).length);
        return answer;
      },
      usage: async (owner) => {
        const usage = await sound.usage(owner);
        return { ...usage, records: usage.records + (ended.get(owner) ?? 0) };
      },
    };
  }),
  wrapping("calls after `close` are answered", ["Z4", "Z5"], () => ({
    close: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  })),
  wrapping("scans skip what has ended", ["M1"], (sound) => ({
    admin: {
      ...adminOf(sound),
      scan: async (options) => {
        const page = await sound.admin.scan(options);
        return { ...page, records: page.records.filter(({ endedAt }) => endedAt === undefined) };
      },
    },
  })),
  wrapping("an import overwrites whatever stands", ["B2"], (sound) => ({
    admin: {
      ...adminOf(sound),
      import: async (owner, dump) => {
        const standing = await sound.admin.inspect(owner, dump.record);
        const version = Math.max(standing?.version ?? 0, dump.record.version);
        await sound.admin.import(owner, { ...dump, record: { ...dump.record, version } });
      },
    },
  })),
  wrapping("an export forgets the events", ["B1", "A7"], (sound) => ({
    admin: {
      ...adminOf(sound),
      export: async (owner, key) => {
        const dump = await sound.admin.export(owner, key);
        return dump && { ...dump, events: {} };
      },
    },
  })),
  wrapping("erasing one owner erases all", ["M8"], (sound) => {
    const owners = new Set<Owner>();
    return {
      commit: (owner, changes, options) => {
        owners.add(owner);
        return sound.commit(owner, changes, options);
      },
      admin: {
        ...adminOf(sound),
        erase: async (owner) => {
          const count = await sound.admin.erase(owner);
          for (const other of owners) await sound.admin.erase(other);
          return count;
        },
      },
    };
  }),
  wrapping("erasing in parts says that nothing is left after the first", ["M12"], (sound) => {
    const begun = new Set<Owner>();
    return {
      admin: {
        ...adminOf(sound),
        erase: async (owner, options = {}) => {
          if (options.limit !== undefined && begun.has(owner)) return 0;
          begun.add(owner);
          return await sound.admin.erase(owner, options);
        },
      },
    };
  }),
  wrapping("erasing in parts ends records instead of removing them", ["M12"], (sound) => ({
    admin: {
      ...adminOf(sound),
      erase: async (owner, options = {}) => {
        if (options.limit === undefined) return await sound.admin.erase(owner, options);
        const { records } = await sound.admin.scan({ owner, limit: 1_000 });
        const live = records.filter(({ endedAt }) => endedAt === undefined).slice(0, options.limit);
        for (const { kind, id } of live) await sound.commit(owner, [{ kind, id, expect: "present", end: true }]);
        return live.length;
      },
    },
  })),
  wrapping("reaping takes no notice of its limit and never says there is more", ["M5"], (sound) => ({
    admin: { ...adminOf(sound), reap: async () => ({ ...(await sound.admin.reap({ limit: 1_000 })), more: false }) },
  })),
  wrapping("reaping takes the time until a sweep comes for part of a record's life", ["M11"], (sound) => ({
    admin: {
      ...adminOf(sound),
      reap: async (options) => agedBy(await sound.admin.reap(options), (livedMs) => livedMs + 60_000),
    },
  })),
  wrapping("reaping says of every record that it had not lived at all", ["M11"], (sound) => ({
    admin: { ...adminOf(sound), reap: async (options) => agedBy(await sound.admin.reap(options), () => 0) },
  })),
  wrapping("what expired and is retained is not told before it is removed", ["E12", "E13", "E14", "E15"], (sound) => ({
    admin: { ...adminOf(sound), reap: async (options) => ({ ...(await sound.admin.reap(options)), closed: [] }) },
  })),
  wrapping("what a sweep closed the next one tells again", ["E12", "E13", "E15"], (sound) => {
    let last: ReapAnswer["closed"] = [];
    return {
      admin: {
        ...adminOf(sound),
        reap: async (options) => {
          const answer = await sound.admin.reap(options);
          const { removed, closed } = answer;
          const again = last.filter((each) => !removed.some(({ id }) => id === each.id));
          last = closed;
          return { ...answer, closed: [...again, ...closed] };
        },
      },
    };
  }),
  wrapping("of what is removed nobody says that its expiry was told", ["E12", "E13"], (sound) => ({
    admin: {
      ...adminOf(sound),
      reap: async (options) => {
        const answer = await sound.admin.reap(options);
        return { ...answer, removed: answer.removed.map((gone) => ({ ...gone, closed: false })) };
      },
    },
  })),
  wrapping("what expired is told with the sweep's time for its end", ["E12"], (sound) => ({
    admin: {
      ...adminOf(sound),
      reap: async (options) => {
        const answer = await sound.admin.reap(options);
        return { ...answer, closed: answer.closed.map((each) => ({ ...each, livedMs: each.livedMs + 60_000 })) };
      },
    },
  })),
  wrapping("closing takes no notice of the limit", ["E14"], (sound) => ({
    admin: { ...adminOf(sound), reap: ({ signal }) => sound.admin.reap({ limit: 1_000, signal }) },
  })),
  wrapping("a dump does not say that an expiry was told", ["E15"], (sound) => ({
    admin: {
      ...adminOf(sound),
      export: async (owner, key, options) => {
        const dump = await sound.admin.export(owner, key, options);
        if (dump === undefined || !isClosed(dump.record)) return dump;
        return { ...dump, record: { ...dump.record, endedAt: undefined } };
      },
    },
  })),
];

function agedBy(answer: ReapAnswer, age: (livedMs: number) => number): ReapAnswer {
  return { ...answer, removed: answer.removed.map((gone) => ({ ...gone, livedMs: age(gone.livedMs) })) };
}
