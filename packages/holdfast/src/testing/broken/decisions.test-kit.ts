import { decide as soundly } from "../../record/decide.ts";
import { isLive } from "../../record/expiry.ts";
import { type BrokenStore, deciding, thenAltering } from "./broken-store.test-kit.ts";

/** Faults in what one change does to one record. */
export const brokenDecisions: readonly BrokenStore[] = [
  deciding(
    "a record keeps a hundred counters at most",
    ["C11"],
    thenAltering((next) => ({
      counters: new Map([...next.counters].slice(0, 100)),
    })),
  ),
  deciding(
    "the commit that creates a record leaves its counters out",
    ["C10"],
    (standing, change, index, now, floor) => {
      const { counters: _left, ...rest } = change;
      return soundly(standing, standing === undefined ? rest : change, index, now, floor);
    },
  ),
  deciding(
    "a record made again keeps the time it was first created at",
    ["E11"],
    thenAltering((next, standing) => ({
      createdAt: standing?.createdAt ?? next.createdAt,
    })),
  ),
  deciding(
    "a new lifetime keeps the old deadline",
    ["E8"],
    thenAltering((next, standing, change) => ({
      deadlineAt: change.lifetime !== undefined && standing !== undefined ? standing.deadlineAt : next.deadlineAt,
    })),
  ),
  deciding(
    "a version is used again after a delete",
    ["V4", "V5", "V10", "V13", "B3", "M10"],
    (standing, change, index, now, floor) => {
      const alive = standing !== undefined && isLive(standing, now);
      const decision = soundly(alive ? standing : undefined, change, index, now, floor);
      if ("refusal" in decision) return decision;
      return { effect: { ...decision.effect, reset: decision.effect.result.created && standing !== undefined } };
    },
  ),
  deciding(
    "the version that a creation has to begin at is not looked at",
    ["V15"],
    (standing, change, index, now, floor) => {
      const { create, ...rest } = change;
      const anywhere = create && { ...create, version: undefined };
      return soundly(standing, { ...rest, create: anywhere }, index, now, floor);
    },
  ),
  deciding(
    "a refused beginning names the version that stood before",
    ["V15"],
    (standing, change, index, now, floor) => {
      const decision = soundly(standing, change, index, now, floor);
      if (!("refusal" in decision) || decision.refusal.reason !== "beginning") return decision;
      return { refusal: { ...decision.refusal, actual: decision.refusal.actual - 1 } };
    },
  ),
  deciding("reaping does not raise the floor", ["V6", "V7", "V8", "F7"], (standing, change, index, now) =>
    soundly(standing, change, index, now, 0),
  ),
  deciding(
    "versions skip a number",
    ["V2"],
    thenAltering((next, standing, change) => ({
      version: change.document === undefined || standing === undefined ? next.version : next.version + 1,
    })),
  ),
  deciding(
    "positions have a gap after every append",
    ["S1", "S2", "S15", "T8"],
    (standing, change, index, now, floor) => {
      const decision = soundly(standing, change, index, now, floor);
      if ("refusal" in decision || decision.effect.appended.length === 0) return decision;
      const { effect } = decision;
      const streams = new Map(effect.next.streams);
      for (const { stream } of effect.appended) {
        const { head, first } = streams.get(stream) ?? { head: 0, first: 1 };
        streams.set(stream, { head: head + 1, first });
      }
      return { effect: { ...effect, next: { ...effect.next, streams } } };
    },
  ),
  deciding(
    "a trim moves the head back",
    ["S8", "B4"],
    thenAltering((next) => ({
      streams: new Map(
        [...next.streams].map(([name, { head, first }]) => [
          name,
          first > head ? { head: 0, first: 1 } : { head, first },
        ]),
      ),
    })),
  ),
  deciding("expiry is ignored", ["E1", "E5", "E7", "V5"], (standing, change, index, now, floor) => {
    const forever = <T extends { readonly lifetime: object }>(creation: T): T => ({ ...creation, lifetime: {} });
    const { create, lifetime, ...rest } = change;
    return soundly(
      standing,
      { ...rest, create: create && forever(create), lifetime: lifetime && {} },
      index,
      now,
      floor,
    );
  }),
  deciding(
    "every touch slides",
    ["E3", "E4"],
    thenAltering((next, _standing, _change, now) => ({
      expiresAt: next.lifetime.idleMs === undefined ? next.expiresAt : now + next.lifetime.idleMs,
    })),
  ),
  deciding(
    "sliding is not lazy",
    ["E3"],
    thenAltering((next, _standing, change, now) => ({
      expiresAt:
        change.slide && next.lifetime.idleMs !== undefined
          ? Math.min(now + next.lifetime.idleMs, next.deadlineAt ?? Number.POSITIVE_INFINITY)
          : next.expiresAt,
    })),
  ),
  deciding(
    "sliding passes the absolute deadline",
    ["E2"],
    thenAltering((next, standing, change, now) => ({
      expiresAt:
        change.slide && standing !== undefined && next.lifetime.idleMs !== undefined
          ? now + next.lifetime.idleMs
          : next.expiresAt,
    })),
  ),
  deciding("a new incarnation keeps the old one's streams", ["V11"], (standing, change, index, now, floor) => {
    const decision = soundly(standing, change, index, now, floor);
    if ("refusal" in decision || !decision.effect.reset) return decision;
    const { effect } = decision;
    return {
      effect: {
        ...effect,
        reset: false,
        next: { ...effect.next, streams: new Map([...(standing?.streams ?? []), ...effect.next.streams]) },
      },
    };
  }),
  deciding(
    "a new incarnation keeps the old one's counters",
    ["V11"],
    thenAltering((next, standing) => ({
      counters: new Map([...(standing?.counters ?? []), ...next.counters]),
    })),
  ),
  deciding(
    "an absolute lifetime is taken for an idle one",
    ["E2"],
    thenAltering((next, standing, _change, now) => ({
      expiresAt:
        standing !== undefined && next.lifetime.absoluteMs !== undefined
          ? now + next.lifetime.absoluteMs
          : next.expiresAt,
    })),
  ),
  deciding(
    "the document's position is forgotten by the next change",
    ["T6"],
    thenAltering((_next, _standing, change) => {
      const position = change.document?.position ?? change.create?.position;
      return { documentPosition: position ?? 0 };
    }),
  ),
  deciding(
    "fields are lost when a change brings none",
    ["L7"],
    thenAltering((next, standing, change) => ({
      fields: standing !== undefined && change.document !== undefined ? (change.document.fields ?? {}) : next.fields,
    })),
  ),
  deciding(
    "what expired is removed at once, retained or not",
    ["M6", "M7", "E12", "E13"],
    thenAltering(({ lifetime, expiresAt }) =>
      expiresAt === undefined ? {} : { lifetime: { ...lifetime, retainMs: undefined } },
    ),
  ),
  deciding("what ends without retention keeps its content", ["M4", "Q2"], (standing, change, index, now, floor) => {
    if (!change.end) return soundly(standing, change, index, now, floor);
    const kept = soundly(standing, { ...change, end: false }, index, now, floor);
    if ("refusal" in kept) return kept;
    return { effect: { ...kept.effect, next: { ...kept.effect.next, endedAt: now } } };
  }),
  deciding(
    "a document change counts as none for `updatedAt`",
    ["E9"],
    thenAltering((next, standing) => ({
      updatedAt: standing?.updatedAt ?? next.updatedAt,
    })),
  ),
  deciding("counters are kept as doubles beyond the safe integers", ["C7"], (standing, change, index, now, floor) => {
    const { counters, ...rest } = change;
    const decision = soundly(standing, rest, index, now, floor);
    if ("refusal" in decision || counters === undefined) return decision;
    const all = new Map(decision.effect.next.counters);
    for (const { name, by } of counters) all.set(name, (all.get(name) ?? 0) + by);
    const named = new Map(counters.map(({ name }) => [name, all.get(name) ?? 0]));
    const { effect } = decision;
    return {
      effect: { ...effect, next: { ...effect.next, counters: all }, result: { ...effect.result, counters: named } },
    };
  }),
];
