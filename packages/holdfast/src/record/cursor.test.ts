import { expect, it } from "vitest";

import { freshCursorKey, listingScope, openCursor, sealCursor } from "./cursor.ts";

const key = freshCursorKey();
const scope = listingScope("owner", "note");

it.for([0, 1, 255, 4_294_967_296, Number.MAX_SAFE_INTEGER])("gives the place %d back", (place) => {
  const cursor = sealCursor(key, scope, place);
  expect(cursor).toMatch(/^[A-Za-z0-9_-]{22}$/);
  expect(openCursor(key, scope, cursor)).toBe(place);
});

it("opens for no other owner, kind or key, and for no cursor that was changed", () => {
  const cursor = sealCursor(key, scope, 7);
  const changed = `${cursor.startsWith("A") ? "B" : "A"}${cursor.slice(1)}`;
  for (const open of [
    () => openCursor(key, listingScope("other", "note"), cursor),
    () => openCursor(key, listingScope("owner", "other"), cursor),
    () => openCursor(freshCursorKey(), scope, cursor),
    () => openCursor(key, scope, changed),
    () => openCursor(key, scope, ""),
    () => openCursor(key, scope, "2s"),
    () => openCursor(key, scope, `${cursor}A`),
  ]) {
    expect(open).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  }
});

it("shares nothing between neighbours", () => {
  const cursors = Array.from({ length: 1_000 }, (_, place) => sealCursor(key, scope, place));
  expect(new Set(cursors.map((cursor) => cursor.slice(0, 8))).size).toBe(1_000);
});
