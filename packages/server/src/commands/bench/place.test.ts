import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

import { placeFor } from "./place.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "holdfast-place-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const fileOf = (url: string): string => url.slice("sqlite:".length);

it("leaves neither its file nor the folders that were made for it", () => {
  {
    using place = placeFor(`sqlite:${join(dir, "a", "b", "state.db")}`);
    expect(place.folder).toBe(join(dir, "a", "b"));
    for (const suffix of ["", "-wal", "-shm", "-hint", ".fsync"]) writeFileSync(`${fileOf(place.url)}${suffix}`, "");
    expect(readdirSync(join(dir, "a", "b")).length).toBe(5);
  }
  expect(readdirSync(dir)).toEqual([]);
});

it("leaves folders that others have put something into, or that were there", () => {
  {
    using _ = placeFor(`sqlite:${join(dir, "a", "b", "state.db")}`);
    writeFileSync(join(dir, "a", "theirs"), "");
  }
  expect(readdirSync(join(dir, "a"))).toEqual(["theirs"]);
  {
    using place = placeFor(`sqlite:${join(dir, "state.db")}`);
    writeFileSync(fileOf(place.url), "");
  }
  expect(readdirSync(dir)).toEqual(["a"]);
});

it("makes nothing for a store that is no file", () => {
  using place = placeFor("redis://127.0.0.1:1");
  expect([place.url, place.folder, readdirSync(dir)]).toEqual(["redis://127.0.0.1:1", undefined, []]);
});
