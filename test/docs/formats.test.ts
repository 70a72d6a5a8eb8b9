/** The numbers of schemas that docs/formats.md gives are those of this release. */
import { readdir, readFile } from "node:fs/promises";
import { expect, it } from "vitest";

const root = new URL("../../", import.meta.url);

it("docs/formats.md names the newest schema of PostgreSQL", async () => {
  const page = await readFile(new URL("docs/formats.md", root), "utf8");
  const released = await readdir(new URL("packages/holdfast/src/stores/postgres/migrations/released/", root));
  const newest = Math.max(...released.map((name) => Number(/^schema-(\d+)\.txt$/.exec(name)?.[1] ?? 0)));
  expect(newest).toBeGreaterThan(0);
  expect(/The schema's number is at present (\d+)/.exec(page)?.[1]).toBe(String(newest));
});
