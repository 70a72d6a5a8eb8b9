import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { parse } from "yaml";
import * as z from "zod";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** What every change passes, run by one who may mount file systems. */
const everything = 'sudo env "PATH=$PATH" .ci/run';
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
  for (const first of [everything, "npm audit --omit=dev --audit-level=high"]) {
    expect(commands).toContain(first);
    expect(commands.indexOf(first)).toBeLessThan(commands.indexOf(published[0] ?? ""));
  }
  expect(text).not.toMatch(/secrets\./);
});

it("every change passes what is passed here, and advisories of what is used are asked for each week", async () => {
  const Check = z.object({
    on: z.object({ pull_request: z.null(), schedule: z.array(z.object({ cron: z.string() })).length(1) }),
    permissions: z.strictObject({ contents: z.literal("read") }),
    jobs: z.object({ check: jobOf(), audit: jobOf() }),
  });
  const { jobs } = Check.parse(parse(await readFile(join(root, ".github/workflows/check.yml"), "utf8")));
  const commandsOf = ({ steps }: z.infer<ReturnType<typeof jobOf>>): string[] => steps.flatMap(({ run }) => run ?? []);
  expect(commandsOf(jobs.check)).toEqual([everything]);
  expect(commandsOf(jobs.audit)).toEqual(["npm audit --audit-level=high"]);
});

function jobOf() {
  return z.object({ steps: z.array(z.object({ run: z.string().optional() })) });
}

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
