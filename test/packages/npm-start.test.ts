/** `npm start` of the examples where npm alone is told to stop, as supervisors do it: nothing may outlive it. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { removeFolder, temporaryFolder } from "../lib/server-process.ts";
import { freePort } from "../lib/servers/guarded.ts";
import { poll, within } from "../lib/waiting.ts";
import { findRoot } from "../tools/root.ts";

const root = await findRoot();
const starts = readdirSync(join(root, "examples"))
  .map((name) => [name, join(root, "examples", name, "package.json")] as const)
  .filter(([, path]) => existsSync(path))
  .map(([name, path]) => [name, startOf(path)] as const)
  .filter((start): start is readonly [string, string] => start[1] !== undefined);

/** What npm runs. */
function startOf(path: string): string | undefined {
  // Ours, read as npm reads it.
  const { scripts } = JSON.parse(readFileSync(path, "utf8")) as { readonly scripts?: Readonly<Record<string, string>> };
  return scripts?.["start"];
}

it("every example but the store of a third party can be started", () => {
  expect(starts.map(([name]) => name)).toEqual(["cluster", "memory", "pool", "shop", "workflow"]);
});

describe.skipIf(process.platform === "win32")("npm start, told to stop,", () => {
  it.each(starts)("stops the example %s", { timeout: 120_000 }, async (_, start) => {
    const dir = await temporaryFolder();
    // In a folder of its own, for examples keep their state where they are; it is built already.
    const script = start.replace("tsc -b &&", "true &&").replace("../../", `${root}/`);
    await writeFile(join(dir, "package.json"), JSON.stringify({ private: true, scripts: { start: script } }));
    const env = { ...process.env, PORT: String(await freePort()), npm_config_update_notifier: "false" };
    const npm = spawn("npm", ["start"], { cwd: dir, env, detached: true });
    let said = "";
    for (const stream of [npm.stdout, npm.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
    // "close" comes when nobody has the pipes any more, none of its processes either.
    const closed = new Promise<number | null>((resolve) => npm.once("close", resolve));
    try {
      await poll(() => /at http:\/\/|listening on http:/.exec(said)?.[0], "where the example listens", 60_000);
      npm.kill("SIGTERM");
      const code = await within(closed, 30_000, () => `something outlived npm:\n${said}`);
      expect([code, said]).toEqual([0, expect.any(String)]);
    } finally {
      endGroup(npm.pid);
      await removeFolder(dir);
    }
  });
});

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left.
  }
}
