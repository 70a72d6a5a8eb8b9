/**
 * What each entry of the library exports, types included, is written down twice: bare, so that a change of it is seen in the
 * change that makes it, and with its comments, as the pages under docs/api. UPDATE_API=1 writes both anew.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

import { publicApi } from "./api.ts";
import { readEntry } from "./reference/declarations.ts";
import { formatted } from "./reference/format.ts";
import { pagesOf } from "./reference/pages.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const { exports } = JSON.parse(await readFile(join(root, "packages/holdfast/package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
};
const entries = Object.entries(exports).flatMap(([entry, target]) =>
  typeof target === "string" ? [] : [[entry, join(root, "packages/holdfast", target.types)] as const],
);
/** Entries for those who write stores or look after them: what authors of servers call has an example, without exception. */
const forOthers: ReadonlySet<string> = new Set(["holdfast/admin", "holdfast/contract", "holdfast/testing"]);
const update = process.env["UPDATE_API"] === "1";

describe("the public face of the library", () => {
  // docs/versions.md says what may change when.
  it.each(entries)("at %s is as it is written down", async (entry, types) => {
    const name = entry === "." ? "index" : entry.slice(2).replaceAll("/", ".");
    const file = join(root, "test/packages/api", `${name}.txt`);
    const api = await publicApi(types);
    expect(api.length).toBeGreaterThan(50);
    if (update) await writeFile(file, api);
    else expect(api).toBe(await readFile(file, "utf8"));
  });

  it("is explained by the pages of the reference, as the sources have it", async () => {
    const read = entries.map(async ([entry, types]) => ({
      specifier: `holdfast${entry.slice(1)}`,
      ...(await readEntry(types)),
    }));
    const all = await Promise.all(read);
    const silent = all.flatMap(({ specifier, doc, exports: names }) => [
      ...(doc.text === "" ? [specifier] : []),
      ...names.filter(({ doc: { text } }) => text === "").map(({ name }) => `${specifier}: ${name}`),
    ]);
    expect(silent).toEqual([]);
    // "Options of `serve()`." says what the name says already.
    const idle = all.flatMap(({ specifier, exports: names }) =>
      names
        .filter(({ doc: { text } }) => /^(The )?options of [^.]*\.$/i.test(text.trim()))
        .map(({ name }) => `${specifier}: ${name}`),
    );
    expect(idle).toEqual([]);
    const withoutExample = all
      .filter(({ specifier }) => !forOthers.has(specifier))
      .flatMap(({ specifier, exports: names }) =>
        names
          .filter(({ what, doc }) => (what === "function" || what === "class") && doc.examples.length === 0)
          .map(({ name }) => `${specifier}: ${name}`),
      );
    expect(withoutExample).toEqual([]);

    const format = await formatted(all.flatMap(({ exports: names }) => names.map(({ code }) => code)));
    const pages = pagesOf(all, format);
    const folder = join(root, "docs/api");
    await mkdir(folder, { recursive: true });
    if (update) for (const [name, text] of pages) await writeFile(join(folder, name), text);
    expect((await readdir(folder)).toSorted()).toEqual([...pages.keys()].toSorted());
    for (const [name, text] of pages) expect(await readFile(join(folder, name), "utf8"), name).toBe(text);
  });
});
