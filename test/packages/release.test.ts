import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod";

const root = fileURLToPath(new URL("../../", import.meta.url));
const Workflow = z.object({
  permissions: z.record(z.string(), z.string()),
  jobs: z.object({
    publish: z.object({
      permissions: z.record(z.string(), z.string()),
      steps: z.array(z.object({ run: z.string().optional() })),
    }),
  }),
});

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(join(root, path), "utf8"));
}

it("the release workflow tests first, then publishes both packages with provenance, and may do nothing else", async () => {
  const text = await readFile(join(root, ".github/workflows/release.yml"), "utf8");
  const { permissions, jobs } = Workflow.parse(parse(text));
  expect(permissions).toEqual({ contents: "read" });
  expect(jobs.publish.permissions).toEqual({ contents: "read", "id-token": "write" });
  const commands = jobs.publish.steps.flatMap(({ run }) => run ?? []);
  const published = commands.filter((command) => command.startsWith("npm publish"));
  expect(published).toEqual(
    ["holdfast", "server"].map((name) => `npm publish --provenance --access public -w packages/${name}`),
  );
  expect(commands.indexOf(".ci/run")).toBeGreaterThan(-1);
  expect(commands.indexOf(".ci/run")).toBeLessThan(commands.indexOf(published[0] ?? ""));
  expect(text).not.toMatch(/secrets\./);
});

it("both packages have one version, and the server wants exactly that of the library", async () => {
  const Package = z.object({ version: z.string(), dependencies: z.record(z.string(), z.string()) });
  const [library, server] = [
    Package.parse(await readJson("packages/holdfast/package.json")),
    Package.parse(await readJson("packages/server/package.json")),
  ];
  expect(server.version).toBe(library.version);
  expect(server.dependencies["holdfast"]).toBe(library.version);
  expect(await readFile(join(root, "CHANGELOG.md"), "utf8")).toContain(`[${library.version}]`);
});
