/**
 * Stores with one planted fault each. They exist to be caught: a requirement that lets its fault pass proves nothing.
 * Each is the sound memory store behind a thin wrapper, or with another decision at its heart.
 */
import type { Change } from "../../record/change.ts";
import type { Decision, decide, RecordState } from "../../record/decide.ts";
import { decide as soundly } from "../../record/decide.ts";
import type { CommitOptions, Committed, Store } from "../../store/contract.ts";
import { memoryStore, memoryStoreDeciding } from "../../stores/memory/store.ts";
import type { Capability, StoreUnderTest } from "../conformance/requirement.ts";

export type BrokenStore = {
  /** The fault, as one would describe it in a bug report. */
  readonly fault: string;
  /** Requirements each of which has to fail because of it. */
  readonly caughtBy: readonly string[];
  readonly capabilities: readonly Capability[];
  readonly open: () => Promise<StoreUnderTest>;
};

export type Clock = { readonly now: () => number; readonly advance: (ms: number) => void };

/** The process's clock, which can be moved forward. */
export function movableClock(): Clock {
  let ahead = 0;
  return {
    now: () => Date.now() + ahead,
    advance: (ms) => {
      ahead += ms;
    },
  };
}

/** A sound memory store with some of its methods replaced. */
export function wrapping(
  fault: string,
  caughtBy: readonly string[],
  replace: (sound: Store) => Partial<Store>,
): BrokenStore {
  return {
    fault,
    caughtBy,
    capabilities: ["advanceClock"],
    open: async () => {
      const clock = movableClock();
      const sound = await memoryStore({ clock: clock.now });
      return { store: replaced(sound, replace(sound)), advanceClock: clock.advance };
    },
  };
}

/** A sound memory store that is given other commits than were asked for. */
export function alteringCommits(
  fault: string,
  caughtBy: readonly string[],
  alter: (changes: readonly Change[], options: CommitOptions) => readonly [readonly Change[], CommitOptions],
): BrokenStore {
  return wrapping(fault, caughtBy, (sound) => ({
    commit: (owner, changes, options = {}): Promise<Committed> => sound.commit(owner, ...alter(changes, options)),
  }));
}

/** Decides with a fault, given the sound decision to fall back on. */
export type FaultyDecide = (...given: Parameters<typeof decide>) => Decision;

/** A memory store whose single decisions are faulty. */
export function deciding(fault: string, caughtBy: readonly string[], faulty: FaultyDecide): BrokenStore {
  return {
    fault,
    caughtBy,
    capabilities: ["advanceClock"],
    open: async () => {
      const clock = movableClock();
      return { store: await memoryStoreDeciding(faulty, { clock: clock.now }), advanceClock: clock.advance };
    },
  };
}

/** Decides soundly, then changes what comes next and what is answered. */
export function thenAltering(
  alter: (next: RecordState, standing: RecordState | undefined, change: Change, now: number) => Partial<RecordState>,
): FaultyDecide {
  return (standing, change, index, now, floor) => {
    const decision = soundly(standing, change, index, now, floor);
    if ("refusal" in decision) return decision;
    const { effect } = decision;
    const next = { ...effect.next, ...alter(effect.next, standing, change, now) };
    const { version, incarnation, expiresAt } = next;
    return { effect: { ...effect, next, result: { ...effect.result, version, incarnation, expiresAt } } };
  };
}

/** A store with some methods replaced and all others as they are. */
export function replaced(sound: Store, by: Partial<Store>): Store {
  const whole: Store = {
    traits: sound.traits,
    admin: sound.admin,
    read: (owner, key, options) => sound.read(owner, key, options),
    commit: (owner, changes, options) => sound.commit(owner, changes, options),
    events: (owner, key, stream, options) => sound.events(owner, key, stream, options),
    list: (owner, kind, options) => sound.list(owner, kind, options),
    usage: (owner, options) => sound.usage(owner, options),
    publish: (topic, hint) => sound.publish(topic, hint),
    subscribe: (topic, listener) => sound.subscribe(topic, listener),
    health: (options) => sound.health(options),
    close: () => sound.close(),
    [Symbol.asyncDispose]: () => sound[Symbol.asyncDispose](),
  };
  return { ...whole, ...by };
}

/** The admin door as an object of its own, so that some of its methods can be replaced. */
export function adminOf({ admin }: Store): Store["admin"] {
  return {
    scan: (options) => admin.scan(options),
    inspect: (owner, key, options) => admin.inspect(owner, key, options),
    reap: (options) => admin.reap(options),
    erase: (owner, options) => admin.erase(owner, options),
    export: (owner, key, options) => admin.export(owner, key, options),
    import: (owner, dump, options) => admin.import(owner, dump, options),
    owners: (options) => admin.owners(options),
    exportAccount: (owner, options) => admin.exportAccount(owner, options),
    importAccount: (owner, dump, options) => admin.importAccount(owner, dump, options),
    stats: (options) => admin.stats(options),
  };
}
