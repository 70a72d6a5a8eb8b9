/** Random operations over so few records, names and numbers that they keep running into each other. */
import fc from "fast-check";

import type { Append, Change, CounterChange, Creation, NewDocument, Trim } from "../../record/change.ts";
import type { Lifetime, RecordKey } from "../../record/record.ts";
import type { CommitOptions, Tail } from "../../store/contract.ts";
import type { Operation } from "./operation.test-kit.ts";

const hour = 3_600_000;

const kind = fc.constantFrom("note", "note", "other", "holdfast.inner");
const anyKey: fc.Arbitrary<RecordKey> = fc.record({ kind, id: fc.constantFrom("a", "b") });
/** Mostly one record, for races. */
const hotKey: fc.Arbitrary<RecordKey> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: "note", id: "a" }) },
  { weight: 1, arbitrary: anyKey },
);
const text = fc.constantFrom("", "{}", "[]", '"é"', '{"__proto__":1}', "long enough to matter");
const stream = fc.constantFrom("log", "__proto__");
const position = fc.integer({ min: 0, max: 6 });
/** There in so many of a hundred cases. */
const perhaps = <T>(value: fc.Arbitrary<T>, percent = 40): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 100 - percent, arbitrary: fc.constant(undefined) }, { weight: percent, arbitrary: value });

const lifetime: fc.Arbitrary<Lifetime> = fc.constantFrom<Lifetime>(
  {},
  {},
  { idleMs: 100 },
  { idleMs: 100, absoluteMs: 150, retainMs: 50 },
  { absoluteMs: 120 },
  { retainMs: 80 },
);

const document: fc.Arbitrary<NewDocument> = fc.record({
  text,
  position: perhaps(position, 15),
  fields: perhaps(fc.constantFrom({}, { label: "x" }, { n: 1, yes: true, no: null }), 15),
});

const creation: fc.Arbitrary<Creation> = fc
  .tuple(document, lifetime, perhaps(fc.integer({ min: 1, max: 5 }), 15))
  .map(([rest, lives, version]) => ({ ...rest, lifetime: lives, version }));

const counter: fc.Arbitrary<CounterChange> = fc.record({
  name: fc.constantFrom("n", "__proto__"),
  by: fc.integer({ min: -3, max: 4 }),
  min: perhaps(fc.integer({ min: -2, max: 0 }), 15),
  max: perhaps(fc.integer({ min: 2, max: 8 }), 15),
});

const append: fc.Arbitrary<Append> = fc.record({
  stream,
  data: fc.array(text, { minLength: 1, maxLength: 3 }),
  expectedHead: perhaps(position, 15),
  keep: perhaps(position, 15),
});

const trim: fc.Arbitrary<Trim> = fc.record({ stream, through: position });

const tail: fc.Arbitrary<Tail> = fc.record({
  stream,
  after: fc.oneof(
    position,
    fc.constant("document" as const),
    position.map((last) => ({ last })),
  ),
  limit: fc.integer({ min: 1, max: 4 }),
});

export type Mix = {
  /** How many different owners take part. */
  readonly owners: number;
  /** Whether nearly everything happens to one record. */
  readonly hot: boolean;
};

export type Operations = {
  /** Everything there is. */
  readonly any: fc.Arbitrary<Operation>;
  /** What is one call and concerns one owner. */
  readonly quick: fc.Arbitrary<Operation>;
};

export function operations({ owners, hot }: Mix): Operations {
  const whose = fc.nat({ max: owners - 1 });
  const key = hot ? hotKey : anyKey;
  const version = fc.integer({ min: 1, max: hot ? 3 : 8 });
  const commit = fc.record({
    what: fc.constant("commit" as const),
    whose,
    changes: changesOf(key, version),
    options: optionsOf(key, version),
  });
  const read = fc.record({
    what: fc.constant("read" as const),
    whose,
    key,
    tails: fc.array(tail, { maxLength: 2 }),
    commitId: perhaps(fc.constantFrom("one", "two"), 15),
  });
  const events = fc.record({
    what: fc.constant("events" as const),
    whose,
    key,
    stream,
    options: fc.record({
      after: perhaps(position),
      before: perhaps(position, 15),
      limit: fc.integer({ min: 1, max: 4 }),
      order: fc.constantFrom("oldest" as const, "newest" as const),
    }),
  });
  const list = fc.record({
    what: fc.constant("list" as const),
    whose,
    kind,
    order: fc.constantFrom("oldest" as const, "newest" as const),
    limit: fc.integer({ min: 1, max: 3 }),
    where: perhaps(fc.constantFrom({}, { label: "x" }, { n: 1 }, { n: 1, no: null }, { no: null }, { yes: false })),
  });
  const inspect = fc.record({ what: fc.constant("inspect" as const), whose, key });
  const small = fc.record({ what: fc.constantFrom("usage" as const, "reap" as const), whose });
  const erase = fc.record({ what: fc.constant("erase" as const), whose });
  const quick = fc.oneof(
    { weight: 12, arbitrary: commit },
    { weight: 4, arbitrary: read },
    { weight: 2, arbitrary: events },
    { weight: 1, arbitrary: inspect },
    { weight: 2, arbitrary: small },
  );
  const any = fc.oneof(
    { weight: 40, arbitrary: quick },
    { weight: 4, arbitrary: list },
    { weight: 1, arbitrary: erase },
  );
  return { any, quick };
}

/** How far the clock moves before a step: mostly not at all, at times past everything. */
export const elapsing: fc.Arbitrary<number> = fc.oneof(
  { weight: 12, arbitrary: fc.constant(0) },
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 120 }) },
  { weight: 1, arbitrary: fc.constant(25 * hour) },
);

function changesOf(key: fc.Arbitrary<RecordKey>, version: fc.Arbitrary<number>): fc.Arbitrary<Change[]> {
  const change: fc.Arbitrary<Change> = fc
    .record({
      key,
      expect: fc.oneof(
        { weight: 4, arbitrary: fc.constant("any" as const) },
        { weight: 2, arbitrary: fc.constantFrom("present" as const, "absent" as const) },
        { weight: 2, arbitrary: version },
      ),
      create: creation,
      without: fc.nat({ max: 9 }),
      document: perhaps(document),
      counters: perhaps(fc.array(counter, { maxLength: 2 })),
      appends: perhaps(fc.array(append, { maxLength: 2 })),
      trims: perhaps(fc.array(trim, { maxLength: 2 }), 15),
      lifetime: perhaps(lifetime, 15),
      slide: fc.boolean(),
      end: fc.nat({ max: 6 }).map((n) => n === 0),
    })
    .map(({ key: address, create, without, ...rest }) => ({
      ...address,
      ...rest,
      // An "absent" without `create` is malformed, and no matter for a model.
      create: without === 0 && rest.expect !== "absent" ? undefined : create,
    }));

  return fc.uniqueArray(change, {
    minLength: 1,
    maxLength: 3,
    selector: ({ kind: of, id }) => `${of}/${id}`,
  });
}

function optionsOf(
  key: fc.Arbitrary<RecordKey>,
  version: fc.Arbitrary<number>,
): fc.Arbitrary<Omit<CommitOptions, "signal">> {
  return fc.record({
    commitId: perhaps(
      fc.record({
        id: fc.constantFrom("one", "two", "three"),
        digest: fc.constantFrom("x", "x", "x", "y"),
        origin: fc.constant("caller" as const),
      }),
      15,
    ),
    fence: perhaps(fc.record({ key, token: version }), 15),
    quota: perhaps(
      fc.record({
        records: perhaps(fc.integer({ min: 0, max: 3 })),
        ofKind: perhaps(fc.constantFrom({ note: 1 }, { other: 1, note: 2 }, { "holdfast.inner": 0 })),
        bytes: perhaps(fc.integer({ min: 0, max: 60 })),
      }),
      15,
    ),
  });
}
