import type { Change } from "../../record/change.ts";
import { HoldfastError } from "../../record/errors.ts";
import type { Owner, RecordKey } from "../../record/record.ts";
import type { Committed, EventsOptions, ListOptions } from "../../store/contract.ts";
import { adminOf, alteringCommits, type BrokenStore, wrapping } from "./broken-store.test-kit.ts";
import { oneAtATime, overwritingCounters } from "./counters.test-kit.ts";

type Alter = (change: Change) => Change;

function altering(fault: string, caughtBy: readonly string[], alter: Alter): BrokenStore {
  return alteringCommits(fault, caughtBy, (changes, options) => [changes.map(alter), options]);
}

/** A sound store that takes owners or keys for others than were meant. */
function rerouting(
  fault: string,
  caughtBy: readonly string[],
  {
    owner: toOwner = (owner) => owner,
    key: toKey = (key) => key,
  }: { readonly owner?: (owner: Owner) => Owner; readonly key?: <K extends RecordKey>(key: K) => K },
): BrokenStore {
  return wrapping(fault, caughtBy, (sound) => ({
    read: (owner, key, options) => sound.read(toOwner(owner), toKey(key), options),
    commit: (owner, changes, options) => sound.commit(toOwner(owner), changes.map(toKey), options),
    events: (owner, key, stream, options) => sound.events(toOwner(owner), toKey(key), stream, options),
    list: (owner, kind, options) => sound.list(toOwner(owner), kind, options),
    usage: (owner) => sound.usage(toOwner(owner)),
    admin: {
      ...adminOf(sound),
      inspect: (owner, key) => sound.admin.inspect(toOwner(owner), toKey(key)),
    },
  }));
}

function textual(change: Change, alter: (text: string) => string): Change {
  return {
    ...change,
    create: change.create && { ...change.create, text: alter(change.create.text) },
    document: change.document && { ...change.document, text: alter(change.document.text) },
    appends: change.appends?.map((append) => ({ ...append, data: append.data.map(alter) })),
  };
}

function renaming(change: Change, alter: (name: string) => string): Change {
  return {
    ...change,
    counters: change.counters?.map((step) => ({ ...step, name: alter(step.name) })),
    appends: change.appends?.map((append) => ({ ...append, stream: alter(append.stream) })),
    trims: change.trims?.map((trim) => ({ ...trim, stream: alter(trim.stream) })),
  };
}

/** Only the last of those that share a name. */
function lastOf<T>(all: readonly T[] | undefined, nameOf: (each: T) => string): readonly T[] | undefined {
  return all && [...new Map(all.map((each) => [nameOf(each), each])).values()];
}

function clamped<O extends EventsOptions | ListOptions>(options: O, most: number): O {
  return { ...options, limit: Math.min(Math.max(1, Math.floor(options.limit) || 1), most) };
}

/** Faults in how a store takes what it is given. */
export const brokenInputs: readonly BrokenStore[] = [
  rerouting("the owner is ignored", ["X1", "X2", "X3", "F5", "I12", "Q10", "L2"], {
    // A brand is no more than a promise about where the text came from.
    owner: () => "everybody" as Owner,
  }),
  rerouting("owners are compared without regard to case", ["X4"], { owner: (owner) => owner.toLowerCase() as Owner }),
  rerouting("record ids are compared without regard to case", ["O10"], {
    key: (key) => ({ ...key, id: key.id.toLowerCase() }),
  }),
  rerouting("any kind is made to fit", ["O11"], {
    key: (key) => ({ ...key, kind: key.kind.toLowerCase().replace(/^[^a-z]*|[^a-z0-9.-]/g, "") || "kind" }),
  }),
  altering("`present` creates what is not there", ["W6"], (change) =>
    change.expect === "present" ? { ...change, expect: "any", create: { text: "{}", lifetime: {} } } : change,
  ),
  altering("steps of counters are cut to whole numbers", ["C9"], (change) => ({
    ...change,
    counters: change.counters?.map((step) => ({
      ...step,
      by: Math.trunc(Number.isFinite(step.by) ? step.by : 0) % 2 ** 53,
    })),
  })),
  altering("of two steps of one counter the last one counts", ["C8"], (change) => ({
    ...change,
    counters: lastOf(change.counters, ({ name }) => name),
  })),
  altering("of two appends to one stream the last one counts", ["S10"], (change) => ({
    ...change,
    appends: lastOf(change.appends, ({ stream }) => stream),
  })),
  altering("trims are ignored", ["S7", "S8", "T7", "Q1", "B4"], ({ trims: _ignored, ...change }) => change),
  altering("appending bumps the version", ["V3", "S11"], (change) =>
    change.appends?.length ? { ...change, document: change.document ?? { text: "{}" } } : change,
  ),
  altering("an empty text becomes an object", ["O3"], (change) => textual(change, (text) => text || "{}")),
  altering("long texts are cut", ["O4"], (change) => textual(change, (text) => text.slice(0, 65_535))),
  altering("lone surrogates are replaced", ["O9"], (change) => textual(change, (text) => Buffer.from(text).toString())),
  altering("names are folded to lower case", ["O7"], (change) => renaming(change, (name) => name.toLowerCase())),
  altering("names are made to fit", ["O8"], (change) =>
    renaming(change, (name) => Buffer.from(name.replaceAll("\0", "")).toString().slice(0, 128) || "x"),
  ),
  altering("booleans become numbers in fields", ["O12", "L6"], (change) => ({
    ...change,
    create: change.create && {
      ...change.create,
      fields: Object.fromEntries(
        Object.entries(change.create.fields ?? {}).map(([name, value]) => [
          name,
          typeof value === "boolean" ? Number(value) : value,
        ]),
      ),
    },
  })),
  altering("kinds of the engine count like any other", ["Q9"], (change) => ({
    ...change,
    kind: change.kind.replace("holdfast.", "holdfast-"),
  })),
  wrapping("limits out of range are clamped instead of refused", ["S13", "L8"], (sound) => ({
    events: (owner, key, stream, options) => sound.events(owner, key, stream, clamped(options, 10_000)),
    list: (owner, kind, options) => sound.list(owner, kind, clamped(options, 1_000)),
  })),
  wrapping("a commit that creates a record changes it in the same breath", ["V14"], (sound) => ({
    commit: async (owner, changes, options): Promise<Committed> => {
      const answer = await sound.commit(owner, changes, options);
      const both = changes.filter(({ create, document }) => create !== undefined && document !== undefined);
      if (both.length > 0 && answer.ok && answer.results[0]?.created) await sound.commit(owner, both);
      return answer;
    },
  })),
  wrapping("additions are read, then written", ["C2", "C3"], (sound) => overwritingCounters(sound, oneAtATime())),
  wrapping("a fence does not let its own lease be changed", ["F1"], (sound) => ({
    commit: (owner, changes, options = {}): Promise<Committed> => {
      const own = changes.some(({ id }) => id === options.fence?.key.id);
      const fence =
        own && options.fence !== undefined ? { ...options.fence, token: options.fence.token + 1 } : options.fence;
      return sound.commit(owner, changes, { ...options, fence });
    },
  })),
  wrapping("what is too much for one commit is cut short instead of refused", ["K8"], (sound) => ({
    commit: (owner, changes, options): Promise<Committed> => {
      const cut = changes.map((change) => {
        const appends = change.appends?.map((append) => ({ ...append, data: append.data.slice(0, 5_000) }));
        return { ...change, ...(appends !== undefined && { appends }) };
      });
      return sound.commit(owner, cut, options);
    },
  })),
  wrapping("malformed input is thrown past the promise", ["Z8"], (sound) => ({
    commit: (owner, changes, options): Promise<Committed> => {
      if (changes.some(({ expect }) => expect === 0)) throw new HoldfastError("INVALID_ARGUMENT", "0 is no version");
      return sound.commit(owner, changes, options);
    },
  })),
  wrapping("an abort that comes after the write is reported all the same", ["Z2"], (sound) => ({
    commit: async (owner, changes, options = {}): Promise<Committed> => {
      const { signal, ...rest } = options;
      const answer = await sound.commit(owner, changes, rest);
      if (signal?.aborted) throw new HoldfastError("ABORTED", "the caller gave up");
      return answer;
    },
  })),
  wrapping("an abort takes the rest of its batch along", ["Z3"], (sound) => {
    let aborts = 0;
    return {
      commit: async (owner, changes, options): Promise<Committed> => {
        const before = aborts;
        options?.signal?.addEventListener("abort", () => {
          aborts += 1;
        });
        const answer = await sound.commit(owner, changes, options);
        if (aborts > before) throw new HoldfastError("ABORTED", "the batch was aborted");
        return answer;
      },
    };
  }),
  wrapping("what has expired counts for quotas until it is reaped", ["Q3"], (sound) => ({
    commit: async (owner, changes, options): Promise<Committed> => {
      const limit = options?.quota?.records;
      if (limit === undefined) return sound.commit(owner, changes, options);
      const { at, records } = await sound.admin.scan({ limit: 1_000 });
      const held = records.filter((record) => record.owner === owner && record.endedAt === undefined).length;
      if (held >= limit) return { ok: false, at, refusal: { reason: "quota", quota: "records", limit } };
      return sound.commit(owner, changes, options);
    },
  })),
  wrapping("a caller's commit ids are never forgotten", ["I8"], (sound) => {
    const known = new Map<string, Promise<Committed>>();
    return {
      commit: (owner, changes, options): Promise<Committed> => {
        const id = options?.commitId?.id;
        if (id === undefined) return sound.commit(owner, changes, options);
        const answer = known.get(id) ?? sound.commit(owner, changes, options);
        known.set(id, answer);
        return answer;
      },
    };
  }),
  wrapping("only the last sixteen internal commit ids are remembered", ["I10"], (sound) => {
    const ids: string[] = [];
    return {
      commit: (owner, changes, options = {}): Promise<Committed> => {
        const { commitId } = options;
        if (commitId?.origin !== "internal") return sound.commit(owner, changes, options);
        const forgotten = ids.includes(commitId.id) && !ids.slice(-16).includes(commitId.id);
        ids.push(commitId.id);
        return sound.commit(owner, changes, {
          ...options,
          commitId: { ...commitId, id: forgotten ? `${commitId.id} again` : commitId.id },
        });
      },
    };
  }),
];
