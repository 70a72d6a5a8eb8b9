/** `holdfast probe` against real servers, sound ones and ones whose state is torn. */

import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import {
  type RunResult,
  removeFolder,
  runServer,
  type ServerProcess,
  startServer,
  temporaryFolder,
} from "../lib/server-process.ts";

let dir: string;
let server: ServerProcess;

beforeAll(async () => {
  dir = await temporaryFolder();
  server = await startServer({ dir });
});
afterAll(async () => {
  await server.stop();
  await removeFolder(dir);
});

function probe(url: string, ...args: readonly string[]): Promise<RunResult> {
  return runServer({ args: ["probe", url, ...args], cwd: dir, deadlineMs: 60_000 });
}

interface Torn extends AsyncDisposable {
  readonly url: string;
}

/** The same server, seen through somebody who changes its answers. */
async function torn(change: (body: string) => string): Promise<Torn> {
  const proxy: Server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { host: _host, connection: _connection, "content-length": _length, ...headers } = request.headers;
      const answer = await fetch(server.url, {
        method: request.method ?? "POST",
        headers: headers as Record<string, string>,
        ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
      });
      const session = answer.headers.get("mcp-session-id");
      const text = change(await answer.text());
      response.writeHead(answer.status, {
        "content-type": answer.headers.get("content-type") ?? "application/json",
        ...(session !== null && { "mcp-session-id": session }),
      });
      response.end(text);
    })();
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  // A listening server over TCP has an address of this kind.
  const { port } = proxy.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async [Symbol.asyncDispose]() {
      proxy.closeAllConnections();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}

describe("a sound server", () => {
  it("is healthy in both eras, every step timed, and nothing of the probe stays live", async () => {
    const run = await probe(server.url, "--json");
    expect([run.code, run.stderr]).toEqual([0, ""]);
    const { ok, rounds } = JSON.parse(run.stdout);
    expect([ok, rounds.map(({ era }: { era: string }) => era)]).toEqual([true, ["2026", "2025"]]);
    const names = rounds[0].steps.map(({ name }: { name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(["tools/list", "create_session", "get_context", "end_session"]));
    const listed = await runServer({
      args: ["sessions", "list", "--store", `sqlite:${join(dir, "state.db")}`, "--json"],
    });
    expect(JSON.parse(listed.stdout).total).toBe(0);
  });

  it("can be watched, with metrics for Prometheus and one line a round", async () => {
    const file = join(dir, "probe.prom");
    const run = await probe(
      server.url,
      "--era",
      "2026",
      "--watch",
      "100ms",
      "--count",
      "3",
      "--textfile",
      file,
      "--json",
    );
    expect(run.code).toBe(0);
    const lines = run.stdout.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).ok)).toEqual([true, true, true]);
    const metrics = await readFile(file, "utf8");
    expect(metrics).toContain(`holdfast_probe_success{target="${server.url}",era="2026"} 1\n`);
    expect(metrics).toMatch(/^holdfast_probe_step_duration_seconds\{.+,step="get_context"\} \d+\.\d{3}$/m);
    expect(metrics).toMatch(/^holdfast_probe_rounds_total\{.+\} 3$/m);
    expect((await probe(server.url, "--era", "2025", "--watch", "100ms", "--count", "2")).stdout).toMatch(
      /^\S+Z {2}healthy {2}2025 {2}\d+/,
    );
  });

  it("has a workflow read too, where one is named or started", async () => {
    const run = await probe(server.url, "--workflow", "new", "--json");
    expect(run.code).toBe(0);
    for (const { steps } of JSON.parse(run.stdout).rounds) {
      const names = steps.map(({ name }: { name: string }) => name);
      expect(names).toEqual(expect.arrayContaining(["start_workflow", "get_workflow_state", "get_workflow_history"]));
    }
  });

  it("that takes longer than it may is too slow", async () => {
    expect(await probe(server.url, "--era", "2026", "--max", "1ms")).toMatchObject({
      code: 5,
      stdout: expect.stringMatching(/not healthy: it took \d+ ms, more than 1/),
    });
  });

  it("is asked with a tool of one's own, too", async () => {
    expect((await probe(server.url, "--tool", "list_sessions", "--arguments", '{"limit":1}')).code).toBe(0);
    const run = await probe(server.url, "--tool", "nothing", "--era", "2026");
    expect([run.code, run.stdout]).toEqual([4, expect.stringContaining('the server has no tool "nothing"')]);
  });
});

describe("a server whose state is torn is found out:", () => {
  it.each<[string, (body: string) => string, string]>([
    [
      "an event is missing",
      (body) => body.replace(/\{[^{}]*"payload":\{"round":2\}[^{}]*\},/, ""),
      "get_context.recent_events has a gap: position 3 comes after 1",
    ],
    [
      "an acknowledged count went back",
      (body) => body.replaceAll('"counters":{"probe":7}', '"counters":{"probe":6}'),
      'get_context.counters has to be {"probe":7}, and is {"probe":6}',
    ],
    [
      "an empty list became an object",
      (body) => body.replaceAll('"list":[]', '"list":{}'),
      'get_context.preferences has to be {"probe":{"list":[],"object":{}}}',
    ],
    [
      "another session's context is answered",
      (body) =>
        body
          .replace(/("recent_events".*)/s, "$1")
          .replace(/"session_id":"ses_[^"]+","label"/, '"session_id":"ses_other","label"'),
      "get_context.session_id has to be",
    ],
    [
      "a workflow's completed steps are no list",
      (body) => body.replaceAll('"completed_steps":["first"]', '"completed_steps":{}'),
      "completed_steps has to be a list, and is {}",
    ],
    [
      "a workflow's log has lost its newest event",
      (body) => (body.includes('"step_completed"') ? body.replace(/,\{"position":2.*?\}(?=\])/s, "") : body),
      "the end of get_workflow_history has to be 2, and is 1",
    ],
    [
      "the events are no list",
      (body) => body.replace(/"recent_events":\[.*?\],"recent_turns"/s, '"recent_events":null,"recent_turns"'),
      "get_context.recent_events has to be a list, and is null",
    ],
  ])("%s", async (_what, change, reason) => {
    await using proxy = await torn(change);
    const run = await probe(proxy.url, "--era", "2026", "--workflow", "new", "--json");
    expect(run.code).toBe(4);
    const [round] = JSON.parse(run.stdout).rounds;
    expect(round).toMatchObject({ ok: false, kind: "wrong" });
    expect(round.reason).toContain(reason);
  });
});

describe("what is no healthy server", () => {
  it("is unreachable where nobody listens, and where it answers 500 or too late", async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
    const { port: freed } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const nobody = await probe(`http://127.0.0.1:${freed}/mcp`, "--era", "2026");
    expect([nobody.code, nobody.stdout]).toEqual([
      3,
      expect.stringMatching(/not healthy, at tools\/list: .*ECONNREFUSED/),
    ]);
    const failing = createServer((_request, response) => response.writeHead(503).end());
    const silent = createServer(() => undefined);
    for (const [fake, reason] of [
      [failing, "HTTP 503"],
      [silent, "no answer within 300 ms"],
    ] as const) {
      await new Promise<void>((resolve) => fake.listen(0, "127.0.0.1", resolve));
      const { port } = fake.address() as AddressInfo;
      const run = await probe(`http://127.0.0.1:${port}/mcp`, "--era", "2025", "--timeout", "300ms");
      expect([run.code, run.stdout]).toEqual([3, expect.stringContaining(reason)]);
      fake.closeAllConnections();
      await new Promise((resolve) => fake.close(resolve));
    }
  });

  it("is wrong where a token is wanted and none is given, and well with one", async () => {
    const file = join(dir, "tokens.json");
    await writeFile(file, JSON.stringify({ "a-secret-token-of-alice": { subject: "alice" } }), { mode: 0o600 });
    await using guarded = await startServer({ args: ["--auth-tokens", file], store: "memory:" });
    expect((await probe(guarded.url, "--era", "2026")).stdout).toContain(
      "HTTP 401, error -32000: this server needs a token",
    );
    await writeFile(join(dir, "token"), "a-secret-token-of-alice\n", { mode: 0o600 });
    expect((await probe(guarded.url, "--token-file", join(dir, "token"))).code).toBe(0);
    await guarded.stop();
    await removeFolder(guarded.dir);
  });

  it.each([
    [["nonsense"], "URL has to be one such as"],
    [["ftp://x/"], "URL has to begin with http:// or https://"],
    [["http://x/", "--count", "2"], "--count is for --watch TIME"],
    [["http://x/", "--tool", "t", "--arguments", "[]"], "--arguments has to be a JSON object"],
    [["http://x/", "--token-file", "nowhere"], "the token file nowhere cannot be read"],
  ])("%j is not asked at all", async (args, reason) => {
    const run = await runServer({ args: ["probe", ...args], cwd: dir });
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toContain(reason);
  });
});
