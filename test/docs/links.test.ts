/** Every link between pages leads to a file and a heading that exist, and every page is found from the index. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

async function pages(): Promise<readonly string[]> {
  const below = await readdir(join(root, "docs"), { recursive: true });
  const docs = below.filter((name) => name.endsWith(".md")).map((name) => join("docs", name));
  return ["README.md", "CONTRIBUTING.md", "packages/holdfast/README.md", "packages/server/README.md", ...docs];
}

type Link = { readonly from: string; readonly to: string; readonly anchor: string | undefined };

/** Links of a page, code blocks and other sites left out, as paths from the root. */
function linksOf(page: string, markdown: string): readonly Link[] {
  const prose = markdown.replaceAll(/^```[\s\S]*?^```/gm, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = "", anchor] = target.split("#");
    return { from: page, to: path === "" ? page : relative(root, join(root, dirname(page), path)), anchor };
  });
}

/** The anchors of a page's headings, as they are made where the pages are read. */
function anchorsOf(markdown: string): readonly string[] {
  const prose = markdown.replaceAll(/^```[\s\S]*?^```/gm, "");
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

it("no link is broken", async () => {
  const broken: string[] = [];
  for (const page of await pages()) {
    const links = linksOf(page, await readFile(join(root, page), "utf8"));
    for (const { from, to, anchor } of links) {
      if (!existsSync(join(root, to))) broken.push(`${from}: ${to}`);
      else if (anchor !== undefined && !anchorsOf(await readFile(join(root, to), "utf8")).includes(anchor)) {
        broken.push(`${from}: ${to}#${anchor}`);
      }
    }
  }
  expect(broken).toEqual([]);
});

it("the index leads to every page", async () => {
  const listed = linksOf("docs/README.md", await readFile(join(root, "docs/README.md"), "utf8"));
  const reached = new Set(listed.map(({ to }) => to));
  const missing = (await pages()).filter((page) => /^docs\/(?!README)(?!api\/)/.test(page) && !reached.has(page));
  expect(missing).toEqual([]);
});
