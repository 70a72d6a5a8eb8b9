/** What the commands look like on a terminal, which `script` makes for them. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { openStore } from "holdfast";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  removeFolder,
  runServer,
  type ServerProcess,
  serverCommand,
  startServer,
  temporaryFolder,
} from "../lib/server-process.ts";
import { foldersOfPath } from "../lib/servers/installed.ts";
import { type PostgresServer, startPostgres } from "../lib/servers/postgres.ts";
import { freshDatabase } from "../lib/servers/postgres-database.ts";
import { type RedisServer, startRedis } from "../lib/servers/redis.ts";
import { furnish, ownerNamed } from "./furnish.ts";

const escape = "\u001b";
const script = foldersOfPath()
  .map((folder) => join(folder, "script"))
  .find((path) => existsSync(path));

let dir: string;
let server: ServerProcess;
let postgres: PostgresServer;
let redis: RedisServer;
beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  dir = await temporaryFolder();
  server = await startServer({ dir });
  await using store = await openStore(`sqlite:${join(dir, "full.db")}`);
  await furnish(store, 3, 60);
});
afterAll(async () => {
  await Promise.all([server.stop(), postgres.stop(), redis.stop()]);
  await removeFolder(dir);
});

/** Everything the terminal was sent, lines ended as terminals end them. */
async function onTerminal(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  columns = 100,
): Promise<string> {
  const { command, args, env: clean } = serverCommand(words, { TERM: "xterm", ...env });
  const line = `stty cols ${columns}; ${[command, ...args].map((word) => `'${word}'`).join(" ")}`;
  const options = { cwd: dir, env: clean, timeout: 60_000 };
  const { stdout } = await promisify(execFile)(script ?? "script", ["-qec", line, "/dev/null"], options);
  return stdout;
}

describe.skipIf(script === undefined || process.platform !== "linux")("on a terminal", () => {
  it("verdicts are coloured, unless nobody wants that", async () => {
    const doctor = ["doctor", "--store", `sqlite:${join(dir, "full.db")}`];
    expect(await onTerminal(doctor)).toContain(`${escape}[32m`);
    expect(await onTerminal(doctor, { NO_COLOR: "1" })).not.toContain(`${escape}[3`);
    expect(await onTerminal(doctor, { TERM: "dumb" })).not.toContain(escape);
    expect(await onTerminal([...doctor, "--json"])).not.toContain(escape);
  });

  it("pages of help and the findings of the doctor are set to the width there is", async () => {
    const doctor = ["doctor", "--store", `sqlite:${join(dir, "full.db")}`];
    for (const words of [["--help"], ["serve", "--help"], ["serve", "--help", "all"], ["export", "--help"], doctor]) {
      const shown = await onTerminal(words, { NO_COLOR: "1" }, 80);
      const lines = shown
        .trimEnd()
        .split(/[\r\n]+/)
        .filter((line) => line.length > 80);
      // A path is one word, and stands by itself.
      expect(lines.filter((line) => line.trim().includes(" "))).toEqual([]);
      expect(shown.split("\r\n").length).toBeGreaterThan(10);
    }
  });

  it("a table is cut to the width there is", async () => {
    const shown = await onTerminal(["records", "--store", `sqlite:${join(dir, "full.db")}`], { NO_COLOR: "1" });
    const lines = shown.trimEnd().split("\r\n");
    expect(lines.length).toBeGreaterThan(20);
    expect(Math.max(...lines.map((line) => line.length))).toBe(100);
  });

  it("long work has a bar, how much is done, its rate, and one line left standing", async () => {
    const move = ["migrate", "--from", `sqlite:${join(dir, "full.db")}`, "--to", `sqlite:${join(dir, "moved.db")}`];
    const shown = await onTerminal(move, { NO_COLOR: "1" });
    expect(shown).toMatch(/\rcopying +\[#{24}\] 100% {2}180 of 180 records {2}[\d,]+\/s/);
    expect(shown).toMatch(/\rverifying +\[#{24}\] 100%/);
  });

  it("erasing has a bar too, on every store, that fits a narrow terminal, and elsewhere leaves the answer alone", async () => {
    const [database, truth] = [await freshDatabase(postgres.url, "one"), await freshDatabase(postgres.url, "two")];
    const stores = [`sqlite:${join(dir, "big.db")}`, database, redis.url, `tiered:${redis.url},${truth}`];
    for (const url of stores) {
      await using store = await openStore(url);
      await furnish(store, 2, 1_100);
      const forget = (name: string): readonly string[] => [
        "forget",
        `owner:${ownerNamed(name)}`,
        "--yes",
        "--store",
        url,
      ];
      const shown = await onTerminal(forget("owner-0"), { NO_COLOR: "1" }, 40);
      const drawn = shown.split(/[\r\n]+/).map((text) => text.replaceAll(`${escape}[K`, ""));
      expect(drawn).toContainEqual(expect.stringMatching(/^looking +0 grants of everybody/));
      expect(drawn).toContainEqual(expect.stringMatching(/^erasing \[#+\] 100% [\d,]+\/s$/));
      const bars = drawn.filter((text) => /^(looking|erasing|counting) /.test(text));
      expect(Math.max(...bars.map(({ length }) => length))).toBeLessThan(40);
      const { code, stdout, stderr } = await runServer({ args: [...forget("owner-1"), "--json"], cwd: dir });
      expect([code, JSON.parse(stdout), stderr]).toEqual([0, expect.objectContaining({ erased: 1_100 }), ""]);
    }
  }, 120_000);

  it("a watch has a line a round, and below them one summary that gives way to the next", async () => {
    const watch = ["probe", server.url, "--era", "2026", "--watch", "100ms", "--count", "3"];
    const shown = await onTerminal(watch, { NO_COLOR: "1" });
    const lines = shown.split("\r\n").map((line) => line.slice(line.lastIndexOf(`\r${escape}[K`) + 4));
    expect(lines.filter((line) => /^\d{4}-.*Z {2}healthy {2}2026 {2}\S+ ms$/.test(line)).length).toBe(3);
    expect(shown).toMatch(/\n3 rounds, 0 failed; the last 3: p50 [^\n]+\r+\n$/);
  });
});
