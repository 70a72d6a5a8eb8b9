/** What is left of long work that somebody stopped with the keyboard, or that found no room. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { openStore } from "holdfast";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { atKeyboard, ctrlC, ctrlD, script } from "../lib/keyboard.ts";
import { removeFolder, runServer, serverCommand, startServer, temporaryFolder } from "../lib/server-process.ts";
import { poll } from "../lib/waiting.ts";
import { furnish, ownerNamed } from "./furnish.ts";

/** Seconds of work, of which a hundredth is over when the key is pressed. */
const many = 9_000;

let dir: string;
let store: string;
const bob = `owner:${ownerNamed("owner-0")}`;

beforeAll(async () => {
  dir = await temporaryFolder();
  store = `sqlite:${join(dir, "full.db")}`;
  await using opened = await openStore(store);
  await furnish(opened, 1, many);
}, 60_000);
afterAll(() => removeFolder(dir));

/** Presses keys once something is seen. */
async function stopped(words: readonly string[], seen: RegExp, keys: string = ctrlC) {
  await using keyboard = atKeyboard(words, dir);
  await keyboard.sees(seen);
  keyboard.press(keys);
  return await keyboard.over;
}

const records = async (): Promise<number> => {
  await using opened = await openStore(store);
  return (await opened.admin.stats()).records;
};

describe.skipIf(script === undefined)("stopped with Ctrl-C", () => {
  it("a question is no answer: nothing is erased, and no stack is shown", async () => {
    const asked = await stopped(["forget", bob, "--store", store], /to go on: /);
    expect(asked.code).toBe(130);
    expect(asked.shown).not.toContain("Error");
    expect(await records()).toBe(many);
  });

  it("a question whose input ends, as with Ctrl-D, is answered with no", async () => {
    const asked = await stopped(["forget", bob, "--store", store], /to go on: /, ctrlD);
    expect([asked.code, asked.shown]).toEqual([4, expect.stringContaining("nothing was erased")]);
    expect(await records()).toBe(many);
  });

  it("an export leaves no half of a file", async () => {
    const { code, shown } = await stopped(["export", bob, "--out", "bob.jsonl", "--store", store], /writing /);
    expect([code, shown]).toEqual([
      130,
      expect.stringContaining("bob.jsonl was not finished, and nothing of it is kept"),
    ]);
    expect((await readdir(dir)).filter((name) => /\.(jsonl|part)$/.test(name))).toEqual([]);
    const again = await runServer({ args: ["export", bob, "--out", "bob.jsonl", "--store", store], cwd: dir });
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining("9,000 records")]);
  });

  it("a measurement gives no figures, and leaves no file", async () => {
    const { code, shown } = await stopped(["bench", "--store", store], /\] 20%/);
    expect([code, shown]).toEqual([130, expect.stringContaining("interrupted; what was measured is no answer")]);
    expect(shown).not.toContain("a second");
    expect((await readdir(dir)).filter((name) => name.startsWith("holdfast-bench"))).toEqual([]);
  });

  it("a measurement that is told to stop leaves none of the folders that it made, nor does one that failed", async () => {
    const place = join("made", "for", "it");
    const stops = await stopped(["bench", "--store", `sqlite:${join(place, "state.db")}`], /\] 20%/);
    expect(stops.code).toBe(130);
    expect(await readdir(dir)).not.toContain("made");
    // A second key press ends it at once.
    const twice = await stopped(["bench", "--store", `sqlite:${join(place, "state.db")}`], /\] 20%/, ctrlC + ctrlC);
    expect(twice.code).toBe(130);
    expect(await readdir(dir)).not.toContain("made");
    await writeFile(join(dir, "file"), "");
    const fails = await runServer({ args: ["bench", "--store", `sqlite:${join("file", "state.db")}`], cwd: dir });
    expect([fails.code, fails.stderr]).toEqual([
      2,
      expect.stringMatching(/^holdfast: the folder \S+file cannot be made: /),
    ]);
  });

  it("a conformance run does not say that the store conforms", async () => {
    const memory = import.meta.resolve("holdfast/stores/memory");
    const module = `import { memoryStore } from ${JSON.stringify(memory)};\nexport default async () => ({ store: await memoryStore() });`;
    await writeFile(join(dir, "store.mjs"), module);
    const { code, shown } = await stopped(["conformance", "store.mjs"], /\] [1-9]/);
    expect([code, shown]).toEqual([130, expect.stringMatching(/interrupted after \d+ of \d+ requirements/)]);
    expect(shown).not.toContain("conforms");
  });

  it("a watch does not hold against a server what it did not wait for", async () => {
    await using server = await startServer({ dir: await temporaryFolder() });
    const watch = ["probe", server.url, "--watch", "100ms", "--era", "2026"];
    const { code, shown } = await stopped(watch, /3 rounds/);
    expect(code).toBe(130);
    expect(shown).not.toContain("FAILED");
  });

  it("erasing, while somebody else holds the store, says how much is gone", async () => {
    const held = new DatabaseSync(join(dir, "full.db"));
    held.exec("begin immediate");
    try {
      const { code, shown } = await stopped(["forget", bob, "--yes", "--store", store], /looking +0 grants/);
      expect([code, shown]).toEqual([
        130,
        expect.stringContaining("interrupted; 0 records are erased, and the same command erases the rest"),
      ]);
    } finally {
      held.exec("rollback");
      held.close();
    }
    expect(await records()).toBe(many);
  });
});

it.skipIf(process.platform === "win32")(
  "an export that finds no room says so, and leaves no half of a file",
  async () => {
    const { command, args, env } = serverCommand(["export", bob, "--out", "large.jsonl", "--store", store], {});
    // As on a full disk, but for this process alone: no file of more than a hundred kilobytes.
    const limited = ["-c", 'ulimit -f 200; exec "$0" "$@"', command, ...args];
    const { status, stderr } = spawnSync("sh", limited, { cwd: dir, env, encoding: "utf8", timeout: 60_000 });
    expect([status, stderr]).toEqual([1, expect.stringContaining("large.jsonl cannot be written: EFBIG")]);
    expect((await readdir(dir)).filter((name) => /^large|\.part$/.test(name))).toEqual([]);
  },
);

it.skipIf(process.platform === "win32")(
  "an export that is killed leaves no file of the wanted name, and what it leaves can be told",
  async () => {
    const folder = await temporaryFolder();
    try {
      const { command, args, env } = serverCommand(["export", bob, "--out", "killed.jsonl", "--store", store], {});
      const child = spawn(command, args, { cwd: folder, env, stdio: "ignore" });
      const over = once(child, "close");
      const size = async (): Promise<number> => {
        const [part] = await readdir(folder);
        return part === undefined ? 0 : (await stat(join(folder, part))).size;
      };
      await poll(async () => ((await size()) > 0 ? true : undefined), "something of the export is written", 20_000);
      child.kill("SIGKILL");
      expect(await over).toEqual([null, "SIGKILL"]);
      expect(await readdir(folder)).toEqual([expect.stringMatching(/^holdfast-export-[0-9a-f]{16}\.part$/)]);

      const again = await runServer({ args: ["export", bob, "--out", "killed.jsonl", "--store", store], cwd: folder });
      expect([again.code, again.stderr]).toEqual([0, expect.stringContaining("9,000 records")]);
    } finally {
      await removeFolder(folder);
    }
  },
);
