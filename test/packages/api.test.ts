/** What each entry of the library exports, types included, is written down: a change of it is seen in the change that makes it. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

import { publicApi } from "./api.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const { exports } = JSON.parse(await readFile(join(root, "packages/holdfast/package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
};
const entries = Object.entries(exports).flatMap(([entry, target]) =>
  typeof target === "string" ? [] : [[entry, target.types] as const],
);

describe("the public face of the library", () => {
  // UPDATE_API=1 writes it down anew. docs/versions.md says what may change when.
  it.each(entries)("at %s is as it is written down", async (entry, types) => {
    const name = entry === "." ? "index" : entry.slice(2).replaceAll("/", ".");
    const file = join(root, "test/packages/api", `${name}.txt`);
    const api = await publicApi(join(root, "packages/holdfast", types));
    expect(api.length).toBeGreaterThan(50);
    if (process.env["UPDATE_API"] === "1") await writeFile(file, api);
    else expect(api).toBe(await readFile(file, "utf8"));
  });
});
