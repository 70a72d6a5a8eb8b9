import type { Change } from "../../record/change.ts";
import type { CommitOptions, Committed, Store } from "../../store/contract.ts";
import { alteringCommits, type BrokenStore, wrapping } from "./broken-store.test-kit.ts";

/** Changes, each with one property taken out or replaced. */
function each(changes: readonly Change[], alter: (change: Change) => Change): readonly Change[] {
  return changes.map(alter);
}

function without<T extends object, K extends keyof T>(whole: T, key: K): Omit<T, K> {
  const { [key]: _gone, ...rest } = whole;
  return rest;
}

/** A turn of the event loop, for faults that need a gap to fall into. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export const brokenCommits: readonly BrokenStore[] = [
  alteringCommits(
    "lost update: an expected version is not compared",
    ["W1", "W2", "W3", "W4", "V10"],
    (changes, options) => [
      each(changes, (change) => (typeof change.expect === "number" ? { ...change, expect: "present" } : change)),
      options,
    ],
  ),
  alteringCommits("creation overwrites what is there", ["W5", "V12"], (changes, options) => [
    each(changes, (change) =>
      change.expect === "absent" ? { ...change, expect: "any", document: change.create } : change,
    ),
    options,
  ]),
  alteringCommits("commit ids are ignored", ["I1", "I2", "I3", "I5", "I7", "I9", "I15"], (changes, options) => [
    changes,
    without(options, "commitId"),
  ]),
  alteringCommits("the digest of a commit id is ignored", ["I2"], (changes, options) => [
    changes,
    options.commitId === undefined ? options : { ...options, commitId: { ...options.commitId, digest: "digest" } },
  ]),
  alteringCommits("a caller's commit ids are forgotten like internal ones", ["I7", "I11"], (changes, options) => [
    changes,
    options.commitId === undefined ? options : { ...options, commitId: { ...options.commitId, origin: "internal" } },
  ]),
  alteringCommits("commit ids are told apart by their first 32 characters only", ["I14"], (changes, options) => [
    changes,
    options.commitId === undefined
      ? options
      : {
          ...options,
          commitId: {
            ...options.commitId,
            id: options.commitId.id.trim().slice(0, 32).toLowerCase() || options.commitId.id,
          },
        },
  ]),
  alteringCommits("fences are ignored", ["F2", "F3", "F4", "F5", "F7"], (changes, options) => [
    changes,
    without(options, "fence"),
  ]),
  alteringCommits("bounds of counters are ignored", ["C4", "C5"], (changes, options) => [
    each(changes, (change) => ({ ...change, counters: change.counters?.map(({ name, by }) => ({ name, by })) })),
    options,
  ]),
  alteringCommits("bounds of counters exclude the bound itself", ["C6"], (changes, options) => [
    each(changes, (change) => ({
      ...change,
      counters: change.counters?.map((step) => ({ ...step, max: step.max === undefined ? undefined : step.max - 1 })),
    })),
    options,
  ]),
  alteringCommits("a stream's expected head is not compared", ["S3", "S4"], (changes, options) => [
    each(changes, (change) => ({
      ...change,
      appends: change.appends?.map((append) => without(append, "expectedHead")),
    })),
    options,
  ]),
  alteringCommits("`keep` is ignored", ["S9", "Q1"], (changes, options) => [
    each(changes, (change) => ({ ...change, appends: change.appends?.map((append) => without(append, "keep")) })),
    options,
  ]),
  alteringCommits(
    "counting bumps the version, so counters and documents conflict",
    ["V3", "C3", "F6"],
    (changes, options) => [
      each(changes, (change) =>
        change.counters?.length ? { ...change, document: change.document ?? { text: "{}" } } : change,
      ),
      options,
    ],
  ),
  alteringCommits("documents are parsed and written anew", ["O1", "O6"], (changes, options) => [
    each(changes, (change) => ({
      ...change,
      create: change.create && { ...change.create, text: rewritten(change.create.text) },
      document: change.document && { ...change.document, text: rewritten(change.document.text) },
    })),
    options,
  ]),
  alteringCommits("retention is ignored", ["M3", "M6", "M7", "A7"], (changes, options) => [
    each(changes, (change) => ({
      ...change,
      create: change.create && { ...change.create, lifetime: without(change.create.lifetime, "retainMs") },
    })),
    options,
  ]),
  alteringCommits("signals are ignored", ["Z1"], (changes, options) => [changes, without(options, "signal")]),
  wrapping("half-applied commit: changes land one by one until one is refused", ["A2", "A5", "A8", "Q8"], (sound) => ({
    commit: (owner, changes, options): Promise<Committed> => oneByOne(sound, owner, changes, options),
  })),
  wrapping("a conflict writes all the same", ["W2", "W3", "W4", "E10"], (sound) => ({
    commit: async (owner, changes, options): Promise<Committed> => {
      const answer = await sound.commit(owner, changes, options);
      if (!answer.ok && answer.refusal.reason === "version" && answer.refusal.actual !== undefined) {
        await sound.commit(
          owner,
          each(changes, (change) => ({ ...change, expect: "present" })),
          options,
        );
      }
      return answer;
    },
  })),
  wrapping("a refusal is thrown instead of answered", ["W1", "W3", "W7"], (sound) => ({
    commit: async (owner, changes, options): Promise<Committed> => {
      const answer = await sound.commit(owner, changes, options);
      if (!answer.ok) throw new Error(answer.refusal.reason);
      return answer;
    },
  })),
  wrapping("a refused commit uses up its id", ["I6"], (sound) => ({
    commit: async (owner, changes, options): Promise<Committed> => {
      const answer = await sound.commit(owner, changes, options);
      const id = options?.commitId;
      if (!answer.ok && id !== undefined) {
        await sound.commit(
          owner,
          [{ kind: "marker", id: "refused", expect: "any", create: { text: "", lifetime: {} } }],
          { commitId: id },
        );
      }
      return answer;
    },
  })),
  wrapping("a replay answers without counters and heads", ["I1", "I3", "I4"], (sound) => ({
    commit: async (owner, changes, options): Promise<Committed> => {
      const answer = await sound.commit(owner, changes, options);
      if (!answer.ok || !answer.replayed) return answer;
      return {
        ...answer,
        results: answer.results.map((result) => ({ ...result, counters: new Map(), heads: new Map() })),
      };
    },
  })),
  wrapping("quotas are checked against a count taken beforehand", ["Q4", "Q5", "Q6"], (sound) => ({
    commit: async (owner, changes, options = {}): Promise<Committed> => {
      const { quota, ...rest } = options;
      const { records, bytes, byKind } = await sound.usage(owner);
      const kind = changes[0]?.kind ?? "";
      const full =
        records >= (quota?.records ?? Number.POSITIVE_INFINITY) ||
        bytes + 10 > (quota?.bytes ?? Number.POSITIVE_INFINITY) ||
        (byKind[kind] ?? 0) >= (quota?.ofKind?.[kind] ?? Number.POSITIVE_INFINITY);
      if (full) return { ok: false, at: 0, refusal: { reason: "quota", quota: "records", limit: quota?.records ?? 0 } };
      return sound.commit(owner, changes, rest);
    },
  })),
  wrapping("quotas also stop what shrinks", ["Q7"], (sound) => ({
    commit: async (owner, changes, options = {}): Promise<Committed> => {
      const { bytes } = await sound.usage(owner);
      const limit = options.quota?.bytes;
      if (limit !== undefined && bytes > limit)
        return { ok: false, at: 0, refusal: { reason: "quota", quota: "bytes", limit } };
      return sound.commit(owner, changes, options);
    },
  })),
  wrapping("a batch fails as a whole when one commit in it is malformed", ["W7"], (sound) => {
    let poisoned: Promise<void> | undefined;
    return {
      commit: async (owner, changes, options): Promise<Committed> => {
        const malformed = changes.some(({ counters }) => counters?.some(({ name }) => name === ""));
        if (malformed) {
          poisoned ??= turn().then(() => {
            poisoned = undefined;
          });
        }
        await Promise.resolve();
        if (poisoned !== undefined) throw new Error("the batch failed");
        return sound.commit(owner, changes, options);
      },
    };
  }),
  wrapping("more than sixteen changes are split into several commits", ["A3"], (sound) => ({
    commit: async (owner, changes, options): Promise<Committed> => {
      if (changes.length <= 16) return sound.commit(owner, changes, options);
      await sound.commit(owner, changes.slice(0, 16), options);
      return sound.commit(owner, changes.slice(16), options);
    },
  })),
  wrapping("two changes of one record in one commit are folded instead of refused", ["A4"], (sound) => ({
    commit: (owner, changes, options): Promise<Committed> => {
      const unique = new Map(changes.map((change) => [`${change.kind}/${change.id}`, change]));
      return sound.commit(owner, changes.length > 16 ? changes : [...unique.values()], options);
    },
  })),
];

function rewritten(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text)) ?? text;
  } catch {
    return text;
  }
}

async function oneByOne(
  sound: Store,
  owner: Parameters<Store["commit"]>[0],
  changes: readonly Change[],
  options: CommitOptions | undefined,
): Promise<Committed> {
  if (changes.length < 2 || changes.length > 16) return sound.commit(owner, changes, options);
  const results = [];
  let at = 0;
  for (const [index, change] of changes.entries()) {
    const answer = await sound.commit(owner, [change]);
    if (!answer.ok) return "index" in answer.refusal ? { ...answer, refusal: { ...answer.refusal, index } } : answer;
    at = answer.at;
    results.push(...answer.results);
  }
  return { ok: true, at, replayed: false, results };
}
