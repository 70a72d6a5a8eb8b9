import { expect, it } from "vitest";

import { defaultDatabasePath } from "./data-dir.ts";

it.each([
  ["linux", {}, "/home/ann", "/home/ann/.local/share/holdfast/state.db"],
  ["linux", { XDG_DATA_HOME: "/data" }, "/home/ann", "/data/holdfast/state.db"],
  ["linux", { XDG_DATA_HOME: "relative" }, "/home/ann", "/home/ann/.local/share/holdfast/state.db"],
  ["darwin", {}, "/Users/ann", "/Users/ann/Library/Application Support/holdfast/state.db"],
  ["win32", { LOCALAPPDATA: "C:\\L" }, "C:\\Users\\ann", "C:\\L\\holdfast\\state.db"],
  ["win32", {}, "C:\\Users\\ann", "C:\\Users\\ann\\AppData\\Local\\holdfast\\state.db"],
] as const)("on %s with %j state lies where the system wants it", (platform, env, home, path) => {
  expect(defaultDatabasePath({ platform, env, home })).toBe(path);
});
