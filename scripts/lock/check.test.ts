import { expect, it } from "vitest";

import { findAddresses } from "./check.ts";

const lock = (entry: object): string => JSON.stringify({ packages: { "": {}, "node_modules/a": entry } });

it("finds a package that records where it came from", () => {
  expect(findAddresses(lock({ version: "1.0.0", resolved: "https://example.org/a.tgz" }))).toEqual([
    expect.stringContaining("node_modules/a records a download address"),
  ]);
});

it("lets digests and links of workspaces pass", () => {
  expect(findAddresses(lock({ version: "1.0.0", integrity: "sha512-x" }))).toEqual([]);
  expect(findAddresses(lock({ resolved: "packages/a", link: true }))).toEqual([]);
});

it("does not take something else for a clean lock file", () => {
  expect(findAddresses("[]")).toHaveLength(1);
});
