/** Faults by hand, one in each history: the checkers find it, by its rule, and name who shows it. */
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

const planted: readonly (readonly [fault: string, rule: string, names: readonly string[], history: History])[] = [
  ["a lost update", "versions", ["b", "c"], [made, writing("b", [20, 30], 1, 2), writing("c", [20, 30], 1, 2)]],
  [
    "a stale read",
    "real time",
    ["r"],
    [made, writing("b", [20, 30], 1, 2), read("r", [40, 50], { version: 1, document: "made" })],
  ],
  [
    "a read that goes back behind another one's",
    "real time",
    ["r2"],
    [
      made,
      writing("b", [20, 90], 1, 2),
      read("r1", [30, 40], { version: 2, document: "b" }),
      read("r2", [50, 60], { version: 1, document: "made" }),
    ],
  ],
  [
    "a final read before an acknowledgement",
    "real time",
    ["final"],
    [made, counting("b", [20, 30], 1), read("final", [100, 110], { version: 1, document: "made" })],
  ],
  ["a document nobody wrote", "versions", ["r"], [made, read("r", [20, 30], { version: 2, document: "nobody" })]],
  [
    "a version with another's document",
    "versions",
    ["r", "made"],
    [made, writing("b", [20, 30], 1, 2), read("r", [40, 50], { version: 1, document: "b" })],
  ],
  [
    "a refused commit that was applied",
    "versions",
    ["b"],
    [made, answering(writing("b", [20, 30], 1, 2), refused), read("r", [40, 50], { version: 2, document: "b" })],
  ],
  [
    "a failure that was none",
    "versions",
    ["b"],
    [
      made,
      answering(writing("b", [20, 30], 1, 2), { kind: "failed", code: "UNAVAILABLE" }),
      read("r", [40, 50], { version: 2, document: "b" }),
    ],
  ],
  [
    "an unknown commit applied twice",
    "versions",
    ["b"],
    [
      made,
      commit("b", [20, 30], { expect: "present", writes: true }),
      read("r1", [40, 50], { version: 2, document: "b" }),
      read("r2", [60, 70], { version: 3, document: "b" }),
    ],
  ],
  ["a version nobody made", "versions", ["c"], [made, writing("c", [20, 30], 2, 3)]],
  ["a version skipped", "versions", ["b"], [made, writing("b", [20, 30], 1, 3)]],
  [
    "a version reused after the end",
    "versions",
    ["again"],
    [
      made,
      writing("b", [20, 30], 1, 2),
      commit("end", [40, 50], { expect: 2, ends: true }, { version: 2 }),
      commit("again", [60, 70], { expect: "absent", writes: true }, { version: 2, created: true }),
    ],
  ],
  [
    "a write after the end, to what was ended",
    "versions",
    ["late"],
    [made, commit("end", [20, 30], { expect: 1, ends: true }, { version: 1 }), writing("late", [25, 35], 1, 2)],
  ],
  [
    "a record begun twice at once",
    "versions",
    ["again"],
    [
      made,
      commit("again", [20, 30], { expect: "absent", writes: true }, { version: 5, created: true, incarnation: 5 }),
    ],
  ],
  [
    "a read of what was ended",
    "real time",
    ["r"],
    [
      made,
      commit("end", [20, 30], { expect: 1, ends: true }, { version: 1 }),
      read("r", [40, 50], { version: 1, document: "made" }),
    ],
  ],
  ["an absence of what is there", "absence", ["r"], [made, read("r", [20, 30], undefined)]],
  ["a lost increment", "counters", ["b", "c"], [made, counting("b", [20, 30], 1), counting("c", [20, 30], 1)]],
  [
    "an increment that counted twice",
    "counters",
    ["c"],
    [made, counting("b", [20, 30], 1), counting("c", [40, 50], 3)],
  ],
  [
    "an unknown increment that counted twice",
    "counters",
    ["r"],
    [made, counting("b", [20, 30]), read("r", [40, 50], { version: 1, document: "made", counters: { n: 2 } })],
  ],
  [
    "a counter ahead of those who counted",
    "counters",
    ["r"],
    [made, read("r", [20, 30], { version: 1, document: "made", counters: { n: 1 } }), counting("b", [40, 50])],
  ],
  ["a lost event", "streams", ["r"], [made, appending("b", [20, 30], 2, 2), page("r", [40, 50], 0, 2, [[1, "b#0"]])]],
  [
    "a gap",
    "streams",
    ["r"],
    [
      made,
      appending("b", [20, 30], 3, 3),
      page("r", [40, 50], 0, 3, [
        [1, "b#0"],
        [3, "b#2"],
      ]),
    ],
  ],
  [
    "swapped events",
    "streams",
    ["c", "r"],
    [
      made,
      appending("b", [20, 90], 1),
      appending("c", [20, 90], 1, 2),
      page("r", [40, 50], 0, 2, [
        [1, "c#0"],
        [2, "b#0"],
      ]),
    ],
  ],
  [
    "events of one commit out of order",
    "streams",
    ["b"],
    [
      made,
      appending("b", [20, 90], 2),
      page("r", [40, 50], 0, 2, [
        [1, "b#1"],
        [2, "b#0"],
      ]),
    ],
  ],
  [
    "a position handed out twice",
    "streams",
    ["b", "c"],
    [made, appending("b", [20, 30], 1, 1), appending("c", [20, 30], 1, 1)],
  ],
  [
    "an event applied twice",
    "streams",
    ["b"],
    [
      made,
      appending("b", [20, 30], 1),
      page("r", [40, 50], 0, 2, [
        [1, "b#0"],
        [2, "b#0"],
      ]),
    ],
  ],
  [
    "an event of a refused commit",
    "streams",
    ["b"],
    [made, answering(appending("b", [20, 30], 1, 1), refused), page("r", [40, 50], 0, 1, [[1, "b#0"]])],
  ],
  [
    "a foreign event",
    "streams",
    ["b"],
    [
      made,
      made2,
      commit("b", [20, 30], { key: other, expect: "present", appends: { log: 1 } }, { version: 1, heads: { log: 1 } }),
      page("r", [40, 50], 0, 1, [[1, "b#0"]]),
    ],
  ],
  [
    "a cursor that skips",
    "streams",
    ["r"],
    [
      made,
      appending("b", [20, 30], 4, 4),
      page("r", [40, 50], 1, 4, [
        [3, "b#2"],
        [4, "b#3"],
      ]),
    ],
  ],
  [
    "a head that goes back",
    "real time",
    ["r"],
    [made, appending("b", [20, 30], 2, 2), page("r", [40, 50], 0, 1, [[1, "b#0"]])],
  ],
  [
    "half a commit, seen in one record",
    "atomic",
    ["b", "r"],
    [
      made,
      commit("b", [20, 90], { expect: 1, writes: true, counters: { n: 1 } }, { version: 2, counters: { n: 1 } }),
      read("r", [30, 40], { version: 2, document: "b", counters: {} }),
    ],
  ],
  [
    "two reads that contradict each other",
    "atomic",
    ["r1", "r2"],
    [
      made,
      writing("b", [20, 90], 1, 2),
      counting("c", [20, 90]),
      read("r1", [30, 80], { version: 2, document: "b" }),
      read("r2", [30, 80], { version: 1, document: "made", counters: { n: 1 } }),
    ],
  ],
  [
    "half a commit, seen in two records one after the other",
    "real time",
    ["r2"],
    [
      made,
      made2,
      commits(
        "b",
        [20, 90],
        [
          [{ expect: 1, writes: true }, { version: 2 }],
          [{ key: other, expect: 1, writes: true }, { version: 2 }],
        ],
      ),
      read("r1", [30, 40], { version: 2, document: "b" }),
      read("r2", [50, 60], { key: other, version: 1, document: "made2" }),
    ],
  ],
  [
    "half of an unknown commit, left for good",
    "all or nothing",
    ["b"],
    [
      made,
      made2,
      commits(
        "b",
        [20, 90],
        [
          [{ expect: "present", appends: { log: 1 } }, undefined],
          [{ key: other, expect: "present", appends: { log: 1 } }, undefined],
        ],
      ),
      appending("c", [20, 30], 1, 2),
      commit("d", [20, 30], { key: other, expect: "present", appends: { log: 1 } }, { version: 1, heads: { log: 1 } }),
      read("r1", [100, 110], { version: 1, document: "made", streams: { log: ["b#0", "c#0"] } }),
      read("r2", [120, 130], { key: other, version: 1, document: "made2", streams: { log: ["d#0"] } }),
    ],
  ],
  [
    "a repetition that was applied once more",
    "once",
    ["made", "again"],
    [made, repeat("again", [20, 30], "made", { kind: "applied", replayed: false, results: [] })],
  ],
  [
    "a repetition that was answered otherwise",
    "once",
    ["made", "again"],
    [
      made,
      repeat("again", [20, 30], "made", {
        kind: "applied",
        replayed: true,
        results: [{ version: 2, incarnation: 1, created: false, counters: {}, heads: {} }],
      }),
    ],
  ],
  [
    "a fence that held for an old token",
    "real time",
    ["late"],
    [taken, takenAgain, made, fenced(appending("late", [40, 50], 1, 1), "lease/l", 1)],
  ],
  [
    "a lease that stood and stood not",
    "leases",
    ["r2"],
    [
      taken,
      takenAgain,
      read("r1", [22, 24], { key: "lease/l", version: 2, document: "taken again" }),
      read("r2", [25, 27], { key: "lease/l", version: 1, document: "taken" }),
    ],
  ],
];

describe("a history with", () => {
  it.each(planted)("%s is not explained", (_fault, rule, names, history) => {
    const faults = checkHistory(history);
    const found = faults.filter(
      (fault) => fault.rule === rule && names.every((name) => fault.operations.includes(name)),
    );
    expect(found.length, `${rule} by ${names.join(" and ")}, among:\n${formatFaults(faults)}`).toBeGreaterThan(0);
  });
});
