/** Names that callers choose: none becomes a line of the log, a label of a metric, or another principal's news. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { removeFolder, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { openRawSession, post, toolCall } from "./connect.ts";

const escape = "\u001b";
const rounds = 40;

let dir: string;
let server: ServerProcess;

beforeAll(async () => {
  dir = await temporaryFolder();
  const tokens = {
    [`token-${"x".repeat(20)}`]: { subject: `evil\n${escape}[31m`, clientId: `evil\n{"level":60}`, scopes: [] },
  };
  await writeFile(join(dir, "tokens.json"), JSON.stringify(tokens), { mode: 0o600 });
  server = await startServer({ dir, args: ["--auth-tokens", join(dir, "tokens.json"), "--log-level", "trace"] });
});
afterAll(async () => {
  await server.kill();
  await removeFolder(dir);
});

const evil = (what: string, n: number): string =>
  `evil-${what}-${n}\n{"level":60,"msg":"forged"}${escape}[2J${"x".repeat(300)}`;

async function series(): Promise<readonly string[]> {
  const text = await (await fetch(new URL("/metrics", server.url))).text();
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

/** Whatever a client may name, once. */
async function nameEverything(n: number, token: Readonly<Record<string, string>>): Promise<void> {
  const ask = (method: string, params: object): unknown => ({ jsonrpc: "2.0", id: 1, method, params });
  const clientInfo = { name: evil("client", n), version: evil("version", n) };
  const hello = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  const opened = await post(server.url, ask("initialize", hello), token);
  const session = {
    ...token,
    "mcp-session-id": opened.headers.get("mcp-session-id") ?? "",
    "mcp-protocol-version": "2025-11-25",
  };
  const say = (body: unknown): Promise<unknown> => post(server.url, body, session);
  await say(ask("tools/call", { name: evil("tool", n), arguments: {} }));
  await say(ask(evil("method", n), {}));
  await say({ jsonrpc: "2.0", method: `notifications/${evil("notification", n)}`, params: {} });
  await say(ask("prompts/get", { name: evil("prompt", n) }));
  await say(ask("resources/read", { uri: `evil${n}://x` }));
  await say(ask("resources/subscribe", { uri: `session://${encodeURIComponent(evil("uri", n))}` }));
  await say(ask("logging/setLevel", { level: evil("level", n) }));
  for (const [tool, argument] of [
    ["acquire_lock", "name"],
    ["start_workflow", "name"],
    ["increment_counter", "name"],
  ] as const) {
    await say(toolCall(tool, { [argument]: evil(tool, n).slice(0, 100) }));
  }
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": clientInfo,
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const modern = { ...token, "mcp-protocol-version": "2026-07-28" };
  await post(server.url, ask("tools/call", { name: `evil${n}`, arguments: {}, _meta: meta }), {
    ...modern,
    "mcp-method": "tools/call",
    "mcp-name": `evil${n}`,
  });
  await post(server.url, ask(`evil/${n}`, { _meta: meta }), { ...modern, "mcp-method": `evil/${n}` });
  await post(server.url, ask("tools/list", {}), { ...token, "mcp-protocol-version": `evil-${n}` });
  await fetch(server.url, { method: n % 2 === 0 ? "PATCH" : "PUT", headers: token });
  await fetch(`${server.url}/evil${n}`);
}

it("leave the log a line for each event, and the metrics as many series as before", async () => {
  const token = { authorization: `Bearer token-${"x".repeat(20)}` };
  await openRawSession(server.url, token);
  // What is counted for the first time makes a series of its own.
  await nameEverything(0, token);
  await nameEverything(1, token);
  const before = await series();
  for (let n = 2; n < rounds; n += 1) await nameEverything(n, token);
  const after = await series();
  expect(after.filter((line) => /evil|forged/.test(line))).toEqual([]);
  // Metrics that tell of the time that passed begin when they like; of the others no series is new.
  const metricOf = (line: string): string => line.split(/[{ ]/)[0] ?? "";
  const known = new Set(before.map(metricOf));
  const seriesOf = (lines: readonly string[]): readonly string[] =>
    lines.filter((line) => known.has(metricOf(line))).map((line) => line.replace(/ \S+$/, ""));
  expect(seriesOf(after).toSorted()).toEqual(seriesOf(before).toSorted());

  const lines = server.stderr().split("\n");
  expect(lines.filter((line) => line.includes(escape))).toEqual([]);
  const logged = lines.filter((line) => line.startsWith("{"));
  expect(logged.length).toBeGreaterThan(rounds);
  const parsed = logged.map((line) => JSON.parse(line) as { readonly level: number; readonly msg?: string });
  expect(parsed.filter(({ level, msg }) => level >= 50 || msg?.includes("forged"))).toEqual([]);
  // Of what callers named only the path of what is not there is said.
  expect(logged.filter((line) => line.includes("evil") && !/"path":"\/mcp\/evil\d+"/.test(line))).toEqual([]);
}, 60_000);
