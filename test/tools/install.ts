/**
 * Tools that only test us and need not burden `npm ci`: other versions of Node, the official conformance suite, the
 * Inspector, a framework with many dependencies. Each is a folder here with a `package.json` and a lock file, and is installed on first use, without install
 * scripts, into `.cache/tools/`, which may be deleted at any time.
 *
 * Safe under concurrent use, by several processes too: an installation is prepared beside its place and moved there
 * whole, so that what is found is complete. Two that start at once both prepare one, and one of them is thrown away.
 */
import { createHash } from "node:crypto";
import { access, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { findRoot } from "./root.ts";
import { runNpm } from "./run-npm.ts";

export type NodeMajor = 22 | 24 | 26;

/** What is left of an installation that was interrupted may go after this long. */
const abandonedAfterMs = 60 * 60 * 1000;

/**
 * A Node of some major version: the one running this where it fits, else the one that `HOLDFAST_NODE_22` (`…_24`,
 * `…_26`) names, else a pinned one from the registry. Throws, and says what to do, on platforms without a package.
 */
export async function nodeBinary(major: NodeMajor): Promise<string> {
  const named = process.env[`HOLDFAST_NODE_${major}`];
  if (named !== undefined) return named;
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const platform = `${process.platform}-${process.arch}`;
  if (platform !== "linux-x64" && platform !== "linux-arm64") {
    throw new Error(`no package brings Node ${major} to ${platform}: set HOLDFAST_NODE_${major} to the path of one`);
  }
  return join(await installed(`node-${major}`), "node_modules", platform, "bin", "node");
}

/** The official conformance suite's program, to be run by `nodeBinary(22)`. */
export async function conformanceCli(): Promise<string> {
  return join(await installed("conformance"), "node_modules/@modelcontextprotocol/conformance/dist/index.js");
}

/**
 * The Inspector's program, to be run by `nodeBinary(22)`. From a command line:
 * `node <program> --cli http://127.0.0.1:3000/mcp --transport http --method tools/list`.
 */
export async function inspectorCli(): Promise<string> {
  return join(
    await installed("inspector"),
    "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js",
  );
}

/** The program of mcp-use's servers, to be imported: its first major, without its inspector and its command line. */
export async function mcpUseServer(): Promise<string> {
  return pathToFileURL(join(await installed("mcp-use"), "node_modules/mcp-use/dist/src/server/index.js")).href;
}

/** The folder a tool is installed in. Its name holds the lock file's digest: another version is another place. */
async function installed(tool: string): Promise<string> {
  const root = await findRoot();
  const source = join(root, "test", "tools", tool);
  const lock = await readFile(join(source, "package-lock.json"));
  const digest = createHash("sha256").update(lock).digest("hex").slice(0, 12);
  const cache = join(root, ".cache", "tools");
  const place = join(cache, `${tool}-${process.platform}-${process.arch}-${digest}`);
  if (await exists(place)) return place;

  console.error(`installing ${tool} into ${place} (once)`);
  await mkdir(cache, { recursive: true });
  await removeAbandoned(cache);
  const draft = await mkdtemp(join(cache, "draft-"));
  try {
    for (const file of ["package.json", "package-lock.json"]) await copyFile(join(source, file), join(draft, file));
    await runNpm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], draft);
    await rename(draft, place);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Somebody else was faster: theirs is as good.
    if (!(await exists(place))) throw error;
  }
  return place;
}

async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith("draft-")) continue;
    const path = join(cache, name);
    const startedAt = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Date.now(),
    );
    if (Date.now() - startedAt > abandonedAfterMs) await rm(path, { recursive: true, force: true });
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
