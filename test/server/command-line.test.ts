import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { valueOf } from "../clients/caller.ts";
import { v1Stdio } from "../clients/v1.ts";
import { removeFolder, runServer, serverCommand, startServer, temporaryFolder } from "../lib/server-process.ts";
import { poll } from "../lib/waiting.ts";
import { connect } from "./connect.ts";

let dir: string;

beforeAll(async () => {
  dir = await temporaryFolder();
});

afterAll(() => removeFolder(dir));

describe("the command line", () => {
  it.each([["--help"], ["-h"], ["help"]])("%s shows what there is, on stdout", async (word) => {
    const run = await runServer({ args: [word] });
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toContain("Usage: holdfast [command] [flags]");
  });

  it("serve --help shows every flag with its default", async () => {
    const run = await runServer({ args: ["serve", "--help"] });
    expect(run).toMatchObject({ code: 0, stderr: "" });
    for (const flag of [
      "--stdio",
      "--port N",
      "--store",
      "--auth-tokens FILE",
      "--max-sessions N",
      "--drain-timeout TIME",
    ]) {
      expect(run.stdout).toContain(flag);
    }
    expect(run.stdout.split("\n").length).toBeLessThanOrEqual(50);
  });

  it("serve --help all explains every flag, limits too", async () => {
    const run = await runServer({ args: ["serve", "--help", "all"] });
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(run.stdout).toMatch(/^ {2}--session-idle TIME +A session ends after this long without use \(1d\)$/m);
    expect(run.stdout).toContain("Exit codes:");
  });

  it("serve --json says on stdout where it listens, in one line and nothing else", async () => {
    const { command, args, env } = serverCommand(["serve", "--json", "--port", "0", "--store", "memory:"]);
    const child = spawn(command, args, { cwd: dir, env });
    const over = once(child, "close");
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    try {
      await poll(() => /^listening on \S+$/m.exec(stderr)?.[0], "where it listens", 30_000);
      const line = await poll(() => /^.*\n/.exec(stdout)?.[0], "its line on stdout");
      const url = /^listening on (\S+)$/m.exec(stderr)?.[1];
      expect(JSON.parse(line)).toEqual({
        url,
        node: expect.stringMatching(/^node-/),
        pid: child.pid,
        version: expect.stringMatching(/^\d/),
        runtime: `Node ${process.versions.node}`,
        store: "memory:",
        durability: expect.any(String),
        authentication: "none: everyone on this machine is the local user",
        sealed: "sensitive data",
        eras: ["2025", "2026"],
        warnings: expect.any(Array),
      });
      child.kill("SIGTERM");
      expect(await over).toEqual([0, null]);
      expect(stdout).toBe(line);
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("serve --json over stdio is refused: stdout is the client's", async () => {
    const run = await runServer({ args: ["serve", "--stdio", "--json", "--store", "memory:"] });
    expect(run).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("leave one of them out") });
  });

  it("every command answers in JSON where it is asked to, but completion, whose answer is a script", async () => {
    const { stdout } = await runServer({ args: ["--help"] });
    const commands = [...stdout.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map((match) => match[1] ?? "");
    const pages = await Promise.all(
      commands.map(async (name) => [name, await runServer({ args: [name, "--help"] })] as const),
    );
    const without = pages.filter(([, page]) => !/^ {2}--json /m.test(page.stdout)).map(([name]) => name);
    expect(without).toEqual(["completion"]);
  });

  it("--version is that of the package", async () => {
    const manifest = JSON.parse(await readFile(new URL("../../packages/server/package.json", import.meta.url), "utf8"));
    expect(await runServer({ args: ["--version"] })).toMatchObject({
      code: 0,
      stdout: `${manifest.version}\n`,
      stderr: "",
    });
  });

  it.each([
    [["serve", "--prot", "1"], {}, "unknown flag --prot; did you mean --port?"],
    [["sevre"], {}, 'unknown command "sevre" (there is: serve, '],
    [["serve", "--port", "eighty"], {}, '--port has to be a whole number, and "eighty" is not'],
    [
      ["serve"],
      { HOLDFAST_STROE: "memory:" },
      "unknown environment variable HOLDFAST_STROE; did you mean HOLDFAST_STORE?",
    ],
    [
      ["serve", "--config", "/nonexistent/h.json"],
      {},
      "the configuration file /nonexistent/h.json cannot be read: ENOENT",
    ],
    [["serve", "--port", "0", "--store", "mysql://x"], {}, "mysql"],
    [["serve", "--port", "0", "--store", "nonsense"], {}, "nonsense"],
    [["serve", "--port", "0", "--store", "sqlite:/"], {}, "/ is a folder; name a file in it, such as /state.db"],
    [["serve", "--store", "memory:", "--port", "0", "--port", "0"], {}, "--port is given twice, and has one value"],
    [
      ["serve", "--store", "memory:", "--port", "0", "--auth-tokens", "/nonexistent/tokens.json"],
      {},
      "the token file /nonexistent/tokens.json cannot be read: there is no such file; make one that holds",
    ],
  ])("%j %j ends with 2 and a reason, before anything is opened", async (args, env, reason) => {
    const run = await runServer({ args, env, cwd: dir });
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(/^holdfast: /);
    expect(run.stderr).toContain(reason);
    expect(run.stderr.trim().split("\n")).toHaveLength(1);
  });
});

describe("settings", () => {
  it("come from flags over environment over file, each by itself", async () => {
    const config = join(dir, "holdfast.json");
    await writeFile(
      config,
      JSON.stringify({ path: "/from-file", maxSessions: 11, "max-turns": 12, session_idle: "2h" }),
    );
    const env = { HOLDFAST_CONFIG: config, HOLDFAST_PATH: "/from-env", HOLDFAST_MAX_SESSIONS: "21" };
    await using server = await startServer({ env, args: ["--path", "/from-flag"], store: "memory:" });
    expect(new URL(server.url).pathname).toBe("/from-flag");
    await using client = await connect(server.url, "2026");
    expect(await valueOf(client.call("get_server_config"))).toMatchObject({
      path: "/from-flag",
      max_sessions: 21,
      max_turns: 12,
      session_idle: "2h",
      config,
    });
    for (const path of ["/mcp", "/from-env", "/from-file"]) {
      const answer = await fetch(server.origin + path);
      expect([path, answer.status]).toEqual([path, 404]);
      expect(answer.headers.get("content-type")).toContain("application/json");
      await answer.body?.cancel();
    }
    await server.stop();
  });
});

describe("the start", () => {
  it("without any flag but the port keeps state in the user's data folder and says so", async () => {
    const data = join(dir, "data");
    await mkdir(data);
    const env = { XDG_DATA_HOME: data };
    const server = await startServer({ store: "default", env });
    const file = join(data, "holdfast", "state.db");
    expect(server.stderr()).toContain(`store: sqlite:${file} (`);
    expect(existsSync(file)).toBe(true);
    expect((await server.stop()).code).toBe(0);
    await removeFolder(server.dir);
  });

  it("says how to connect, and the entry for desktop clients works as printed, on the same state", async () => {
    await using server = await startServer();
    await using client = await connect(server.url, "2026");
    const { session_id } = await valueOf(client.call("create_session", { label: "shared" }));
    expect(server.stderr()).toContain(`to connect over HTTP, give your client the URL ${server.url}`);
    const line = server
      .stderr()
      .split("\n")
      .find((each) => each.startsWith('{"mcpServers"'));
    const entry = JSON.parse(line ?? "").mcpServers.holdfast;
    await using desktop = await v1Stdio({ command: entry.command, args: entry.args, env: {} });
    const { sessions } = await valueOf(desktop.call("list_sessions"));
    expect(sessions).toContainEqual(expect.objectContaining({ session_id, label: "shared" }));
    await desktop.end();
    await server.stop();
    await removeFolder(server.dir);
  });

  it("says which port is taken", async () => {
    await using server = await startServer({ store: "memory:" });
    const run = await runServer({ args: ["serve", "--store", "memory:", "--port", String(server.port)] });
    expect(run.code).toBe(2);
    expect(run.stderr).toContain(`holdfast: 127.0.0.1:${server.port} is in use`);
    await server.stop();
  });

  it("says which store cannot be opened", async () => {
    const file = join(dir, "a-file");
    await writeFile(file, "not a database, and long enough to be taken for one".repeat(100));
    for (const path of [join(file, "below", "state.db"), file]) {
      const run = await runServer({ args: ["serve", "--port", "0", "--store", `sqlite:${path}`] });
      expect([1, 2]).toContain(run.code);
      expect(run.stderr).toMatch(/^holdfast: /m);
      expect(run.stderr).toContain(file);
      expect(run.stderr).not.toMatch(/\n\s+at /);
    }
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === "win32")(
    "says that a store's folder may not be read",
    async () => {
      const locked = join(dir, "locked");
      await mkdir(locked, { mode: 0o000 });
      const run = await runServer({ args: ["serve", "--port", "0", "--store", `sqlite:${locked}/state.db`] });
      expect(run.code).not.toBe(0);
      expect(run.stderr).toContain(locked);
      await chmod(locked, 0o700);
    },
  );

  it("writes nothing to stdout when serving HTTP", async () => {
    const server = await startServer({ store: "memory:", args: ["--log-level", "trace"] });
    await server.stop();
    expect(server.stdout()).toBe("");
  });
});
