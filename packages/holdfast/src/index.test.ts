import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

const declared = /^export (?:type|interface|class) (\w+)/gm;

/** Files whose every type authors meet in the signature of something public. */
const faces = ["state/types.ts", "state/hold.ts", "mcp/types.ts", "security/principal.ts", "store/traits.ts"];

test.each(faces)("every type of %s has a name that authors can import", async (face) => {
  const index = await readFile(new URL("index.ts", import.meta.url), "utf8");
  const source = await readFile(new URL(face, import.meta.url), "utf8");
  const names = [...source.matchAll(declared)].map(([, name]) => name);
  expect(names.length).toBeGreaterThan(0);
  const missing = names.filter((name) => !new RegExp(`\\b${name}\\b`).test(index));
  expect(missing).toEqual([]);
});
