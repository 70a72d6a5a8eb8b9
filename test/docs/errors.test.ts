import { readFile } from "node:fs/promises";
import { errorCodes } from "holdfast";
import { expect, it } from "vitest";

it("docs/errors.md has exactly one row for each error code", async () => {
  const page = await readFile(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1] ?? "");
  expect(rows.toSorted()).toEqual([...errorCodes].toSorted());
});
