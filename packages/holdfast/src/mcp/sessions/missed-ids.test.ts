import { expect, test } from "vitest";

import { ownerOf } from "../../record/ids.ts";
import { MissedIds } from "./missed-ids.ts";

const alice = ownerOf({ issuer: "test", subject: "alice" });
const bob = ownerOf({ issuer: "test", subject: "bob" });

test("distinct ids count, repeats do not, and a minute later all is forgotten", () => {
  const missed = new MissedIds(3);
  for (const id of ["a", "b", "a", "c", "c"]) expect(missed.note(alice, id, 0)).toBeUndefined();
  expect(missed.note(alice, "d", 1_000)).toBe(59);
  expect(missed.note(alice, "a", 1_000)).toBeUndefined();
  expect(missed.note(bob, "d", 1_000)).toBeUndefined();
  expect(missed.note(alice, "d", 60_000)).toBeUndefined();
});
