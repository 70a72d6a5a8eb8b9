/** stdin and stdout as the wire: nothing on it but the protocol, and an orderly end. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { poll, removeFolder, serverCommand, temporaryFolder } from "../lib/server-process.ts";

let dir: string;

beforeAll(async () => {
  dir = await temporaryFolder();
});

afterAll(() => removeFolder(dir));

type Exchange = {
  readonly lines: () => readonly string[];
  readonly stderr: () => string;
  send(message: unknown): void;
  endInput(): void;
  stopReading(): void;
  signal(name: NodeJS.Signals): void;
  readonly exited: Promise<unknown>;
};

function start(...args: readonly string[]): Exchange {
  const command = serverCommand(["serve", "--stdio", "--store", `sqlite:${join(dir, "state.db")}`, ...args]);
  const child = spawn(command.command, command.args, { env: command.env, stdio: ["pipe", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.on("error", () => undefined);
  return {
    lines: () => stdout.split("\n").filter((line) => line !== ""),
    stderr: () => stderr,
    send: (message) => void child.stdin.write(`${JSON.stringify(message)}\n`),
    endInput: () => void child.stdin.end(),
    stopReading: () => void child.stdout.destroy(),
    signal: (name) => void child.kill(name),
    exited: once(child, "close").then(([code]: unknown[]) => code),
  };
}

const initialize = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } },
};
const initialized = { jsonrpc: "2.0", method: "notifications/initialized" };
const increment = {
  jsonrpc: "2.0",
  id: 1,
  method: "tools/call",
  params: { name: "increment_counter", arguments: { name: "n" } },
};

describe("serve --stdio", () => {
  it("writes nothing but protocol messages to stdout, however much it logs", async () => {
    const server = start("--log-level", "trace");
    server.send(initialize);
    server.send(initialized);
    server.send(increment);
    server.send({ jsonrpc: "2.0", id: 2, method: "no/such/method" });
    await poll(() => (server.lines().length >= 3 ? true : undefined), "three answers");
    for (const line of server.lines()) expect(JSON.parse(line)).toMatchObject({ jsonrpc: "2.0" });
    expect(server.stderr()).toContain("store: sqlite:");
    server.endInput();
    expect(await server.exited).toBe(0);
  });

  it("ends with 0 when its input ends, and answers what it was asked before", async () => {
    const server = start();
    server.send(initialize);
    server.send(initialized);
    server.send(increment);
    server.endInput();
    expect(await server.exited).toBe(0);
    expect(server.lines().map((line) => JSON.parse(line).id)).toEqual([0, 1]);
  });

  it.each(["SIGTERM", "SIGINT"] as const)("ends with 0 on %s", async (signal) => {
    const server = start();
    server.send(initialize);
    await poll(() => (server.lines().length >= 1 ? true : undefined), "an answer");
    server.signal(signal);
    expect(await server.exited).toBe(0);
  });

  it("ends with 0 when nobody ever said anything", async () => {
    const server = start();
    await poll(() => (server.stderr().includes("store:") ? true : undefined), "the start");
    server.endInput();
    expect(await server.exited).toBe(0);
  });

  it("ends by itself when nobody reads its output any more", async () => {
    const server = start();
    server.send(initialize);
    await poll(() => (server.lines().length >= 1 ? true : undefined), "an answer");
    server.stopReading();
    server.send(initialized);
    for (let n = 0; n < 3; n++) server.send(increment);
    expect(await server.exited).toBe(0);
    expect(server.stderr()).not.toContain("should not have happened");
  });

  it("is the local user, whatever tokens are configured", async () => {
    const server = start("--auth-tokens", "/nonexistent");
    server.send(initialize);
    server.send(initialized);
    server.send({ ...increment, params: { name: "get_server_config", arguments: {} } });
    const answer = await poll(() => server.lines().find((line) => line.includes("max_sessions")), "the settings");
    expect(answer).toContain('"result"');
    expect(server.stderr()).toContain("warning: --auth-tokens has no effect on stdio");
    server.endInput();
    expect(await server.exited).toBe(0);
  });
});
