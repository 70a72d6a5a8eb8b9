/** The pages on how it is built name files, folders, kinds and metrics as they are called. */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const pages = ["architecture", "capacity", "performance"];

let paths: readonly string[];
let sources: string;

beforeAll(async () => {
  const folders = ["packages/holdfast/src", "packages/server/src", "bench"];
  const found = await Promise.all(
    folders.map(async (folder) =>
      (await readdir(`${root}${folder}`, { recursive: true })).map((path) => `${folder}/${path}`),
    ),
  );
  paths = found.flat().filter((path) => !/node_modules|\/dist\//.test(path));
  const files = paths.filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"));
  sources = (await Promise.all(files.map((path) => readFile(`${root}${path}`, "utf8")))).join("\n");
});

describe.each(pages)("docs/%s.md", (page) => {
  it("names files and folders that there are", async () => {
    const named = await codeIn(page);
    const places = named.filter((text) => /^[\w./-]+(\.ts|\/)$/.test(text) && !text.startsWith("/"));
    const gone = places.filter((place) => {
      const path = place.replace(/\/$/, "");
      return !paths.some((one) => one === path || one.endsWith(`/${path}`));
    });
    expect(gone).toEqual([]);
  });

  it("names kinds, counters and metrics that there are", async () => {
    const named = (await codeIn(page)).filter((text) => /^holdfast\.[a-z][a-z.-]*$/.test(text));
    expect(named.filter((name) => !sources.includes(`"${name}"`) && !sources.includes(`${name}":`))).toEqual([]);
  });
});

async function codeIn(page: string): Promise<readonly string[]> {
  const text = await readFile(`${root}docs/${page}.md`, "utf8");
  return [
    ...new Set([...text.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code)),
  ];
}
