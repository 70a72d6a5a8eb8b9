/** What the pages on trouble and on moving quote is what the program says: texts, metrics, alerts, settings, codes. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { errorCodes } from "holdfast";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string): Promise<string> => readFile(join(root, path), "utf8");

/** Everything that is built, in one text. */
async function sources(): Promise<string> {
  const texts = ["packages/holdfast/src", "packages/server/src"].map(async (folder) => {
    const names = await readdir(join(root, folder), { recursive: true });
    const built = names.filter((name) => /(?<!\.test|\.test-kit)\.ts$/.test(name));
    return await Promise.all(built.map((name) => read(join(folder, name))));
  });
  return (await Promise.all(texts)).flat(2).join("\n");
}

/** Lines of the blocks that say what one sees, cut at what differs from time to time. */
function quotedIn(page: string): readonly string[] {
  const blocks = [...page.matchAll(/^```text seen\n([\s\S]*?)^```/gm)].map(([, block = ""]) => block);
  const lines = blocks.flatMap((block) => block.trim().split("\n"));
  return lines
    .flatMap((line) => line.split("…"))
    .map((part) => part.trim())
    .filter((part) => part.length > 3);
}

/** As Prometheus has them, without what a type adds to a name. */
const bare = (metric: string): string => metric.replace(/_(total|bucket|sum|count)$/, "");

describe("docs/troubleshooting.md", () => {
  it("quotes texts that the program has", async () => {
    const [page, text] = [await read("docs/troubleshooting.md"), await sources()];
    const quoted = quotedIn(page);
    expect(quoted.length).toBeGreaterThan(50);
    expect(quoted.filter((part) => !text.includes(part))).toEqual([]);
  });

  it("names metrics, alerts and codes that there are", async () => {
    const page = await read("docs/troubleshooting.md");
    const table = (await read("docs/metrics.md")).replaceAll(".", "_");
    const metrics = [...page.matchAll(/`((?:holdfast|db_client|mcp_server|nodejs)_\w+)/g)].map(([, name = ""]) => name);
    expect(metrics.length).toBeGreaterThan(8);
    expect(metrics.filter((name) => !table.includes(bare(name)))).toEqual([]);

    const alerts = [...page.matchAll(/\*(Holdfast\w+)\*/g)].map(([, name = ""]) => name);
    const rules = await read("deploy/prometheus/holdfast.rules.yml");
    const known = [...rules.matchAll(/alert: (\w+)/g)].map(([, name = ""]) => name);
    expect([...new Set(alerts)].toSorted()).toEqual(known.toSorted());

    const codes = [...page.matchAll(/`([A-Z]+_[A-Z_]+)`/g)].map(([, name]) => name);
    expect(codes.filter((code) => !errorCodes.some((one) => one === code))).toEqual([]);
  });
});

describe("docs/migrating.md", () => {
  it("names settings of the ready server that there are", async () => {
    const page = await read("docs/migrating.md");
    const settings = await read("packages/server/README.md");
    const named = [...page.matchAll(/HOLDFAST_\w+/g)].map(([name]) => name);
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((name) => !settings.includes(`\`${name}\` |`))).toEqual([]);
  });
});
