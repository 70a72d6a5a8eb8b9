/** What is in order, however odd it looks, is explained: a checker that cries wolf is no use. */
import { describe, expect, it } from "vitest";

import type { History } from "../history.ts";
import { checkHistory, formatFaults } from "./check.ts";
import {
  answering,
  appending,
  commit,
  commits,
  counting,
  fenced,
  made,
  made2,
  other,
  page,
  read,
  refused,
  repeat,
  writing,
} from "./told.ts";

const taken = commit(
  "taken",
  [0, 10],
  { key: "lease/l", expect: "absent", writes: true },
  { version: 1, created: true },
);
const takenAgain = commit("taken again", [20, 30], { key: "lease/l", expect: 1, writes: true }, { version: 2 });

describe("a sound history is explained, though", () => {
  const sound: readonly (readonly [what: string, history: History])[] = [
    [
      "two write at once and one is refused",
      [made, writing("b", [20, 30], 1, 2), answering(writing("c", [20, 30], 1), { ...refused, actual: 2 })],
    ],
    [
      "a read overlaps a write",
      [made, writing("b", [20, 40], 1, 2), read("r", [30, 35], { version: 1, document: "made" })],
    ],
    [
      "a commit nobody heard of was applied",
      [made, writing("b", [20, 30], 1), read("r", [40, 50], { version: 2, document: "b" })],
    ],
    [
      "a commit nobody heard of was not applied",
      [made, writing("b", [20, 30], 1), read("r", [40, 50], { version: 1, document: "made" })],
    ],
    ["a commit nobody heard of was overwritten", [made, writing("b", [20, 30], 1), writing("c", [40, 50], 2, 3)]],
    [
      "commits nobody heard of may be any of several",
      [
        made,
        made2,
        commits(
          "u",
          [20, 30],
          [
            [{ expect: "present", writes: true }, undefined],
            [{ key: other, expect: "present", writes: true }, undefined],
          ],
        ),
        commit("v", [20, 30], { expect: "present", writes: true }),
        commit("w", [20, 30], { key: other, expect: "present", writes: true }),
        writing("c", [30, 40], 2, 3),
        read("r", [50, 60], { key: other, version: 1, document: "made2" }),
        commit("d", [70, 80], { key: other, expect: 2, writes: true }, { version: 3 }),
      ],
    ],
    [
      "a commit nobody heard of is applied late",
      [
        made,
        counting("b", [20, 30]),
        counting("c", [40, 50], 1),
        read("r", [60, 70], { version: 1, document: "made", counters: { n: 2 } }),
      ],
    ],
    [
      "commits nobody heard of counted in several lives of a record, one of which was only read",
      [
        made,
        commit("e", [20, 30], { expect: 1, ends: true }),
        commit("u", [22, 30], { expect: "any", counters: { n: 1 } }),
        read("r", [40, 50], { version: 2, incarnation: 2, document: "u", counters: { n: 1 } }),
        commit("f", [60, 70], { expect: 2, ends: true }, { version: 2, incarnation: 2 }),
        commit("v", [80, 90], { expect: "any", counters: { n: 1 } }),
        commit(
          "w",
          [100, 110],
          { expect: "any", counters: { n: 1 } },
          { version: 3, incarnation: 3, counters: { n: 2 } },
        ),
      ],
    ],
    [
      "a record ends and begins anew",
      [
        made,
        commit("end", [20, 30], { expect: 1, ends: true }, { version: 1 }),
        read("r", [40, 50], undefined),
        commit("again", [60, 70], { expect: "absent", writes: true }, { version: 7, created: true }),
        read("r2", [80, 90], { version: 7, incarnation: 7, document: "again" }),
      ],
    ],
    [
      "an unknown commit is found by its repetition",
      [
        made,
        writing("b", [20, 30], 1),
        repeat("r", [40, 50], "b", {
          kind: "applied",
          replayed: true,
          results: [{ version: 2, incarnation: 1, created: false, counters: {}, heads: {} }],
        }),
        read("final", [60, 70], { version: 2, document: "b" }),
      ],
    ],
    [
      "a fence was refused",
      [
        taken,
        takenAgain,
        made,
        answering(fenced(appending("late", [40, 50], 1), "lease/l", 1), {
          kind: "refused",
          reason: "fence",
          index: 0,
          actual: 2,
        }),
      ],
    ],
    [
      "a stream is followed",
      [
        made,
        appending("b", [20, 30], 2, 2),
        page("r", [40, 50], 0, 2, [
          [1, "b#0"],
          [2, "b#1"],
        ]),
        appending("c", [60, 70], 1, 3),
        page("r2", [80, 90], 2, 3, [[3, "c#0"]]),
      ],
    ],
  ];
  it.each(sound)("%s", (_what, history) => {
    expect(formatFaults(checkHistory(history))).toBe("");
  });
});
