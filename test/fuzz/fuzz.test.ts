/**
 * Whatever bytes come: the process lives, answers are those that are declared, nothing of another principal is in any, and
 * what was refused has stored nothing. HOLDFAST_FUZZ_INPUTS says how many inputs, HOLDFAST_FUZZ_SEED which.
 */
import { writeFile } from "node:fs/promises";
import { connect as dial } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { textOf, valueOf } from "../clients/caller.ts";
import { seeded } from "../lib/random.ts";
import { removeFolder, runServer, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { connect } from "../server/connect.ts";
import { request } from "./grammar.ts";

const inputs = Number(process.env["HOLDFAST_FUZZ_INPUTS"] ?? 6_000);
const seed = Number(process.env["HOLDFAST_FUZZ_SEED"] ?? Date.now() % 2 ** 31);
const atOnce = 24;
/** How long a request may hang that its sender has finished, on a machine that others load. */
const patienceMs = 30_000;
const marker = "marker-of-somebody-else";
const tokens = { "mallory-0123456789": { subject: "mallory" }, "alice-0123456789ab": { subject: "alice" } };
const [mallory = "", alice = ""] = Object.keys(tokens);
/** What HTTP and the guarantees declare. 503 is none of them here: the store is well and nobody drains. */
const declared = new Set([100, 200, 202, 204, 400, 401, 403, 404, 405, 406, 408, 413, 415, 417, 429, 431]);

let dir: string;
let server: ServerProcess;

beforeAll(async () => {
  dir = await temporaryFolder();
  const file = join(dir, "tokens.json");
  await writeFile(file, JSON.stringify(tokens), { mode: 0o600 });
  server = await startServer({ dir, args: ["--auth-tokens", file, "--max-sessions", "200", "--max-bytes", "16MiB"] });
});
afterAll(async () => {
  await server.kill();
  await removeFolder(dir);
});

/** Everything that comes back until the server closes; of a stream only its head. */
function exchange(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = dial(port, "127.0.0.1");
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(parts).toString("utf8"));
    };
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end of an answer after ${patienceMs} ms`));
    }, patienceMs);
    socket.on("data", (part) => {
      parts.push(part);
      if (part.includes("text/event-stream")) done();
    });
    socket.on("close", done);
    // Closed on us while we were sending: what came before that is the answer.
    socket.on("error", done);
    socket.end(bytes);
  });
}

function complaint(answer: string): string | undefined {
  if (answer === "") return undefined;
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);
  if (!declared.has(status)) return `status ${status}`;
  if (answer.includes(marker)) return "somebody else's data";
  const split = answer.indexOf("\r\n\r\n");
  const [head, body] = [answer.slice(0, split).toLowerCase(), answer.slice(split + 4)];
  if (/^set-cookie|^x:/m.test(head)) return "a header that was injected";
  // Other paths answer in JSON of their own.
  if (!head.includes("content-type: application/json\r") || body === "" || head.includes("chunked")) return undefined;
  return isJsonRpc(body) ? undefined : "no JSON-RPC";
}

function isJsonRpc(body: string): boolean {
  const messages: unknown = JSON.parse(body);
  return [messages].flat().every((message: unknown) => {
    if (typeof message !== "object" || message === null || !("jsonrpc" in message)) return false;
    if ("result" in message) return true;
    const error = "error" in message ? message.error : undefined;
    return (
      typeof error === "object" &&
      error !== null &&
      "code" in error &&
      Number.isInteger(error.code) &&
      "message" in error &&
      typeof error.message === "string"
    );
  });
}

it(`stands ${inputs} inputs of every kind (seed ${seed})`, { timeout: 30 * 60_000 }, async () => {
  {
    await using owner = await connect(server.url, "2026", alice);
    const session_id = textOf(await valueOf(owner.call("create_session", { label: marker })), "session_id");
    await valueOf(owner.call("set_session_data", { session_id, key: "key", value: marker }));
  }
  const { host, port } = new URL(server.url);
  const random = seeded(seed);
  const sessions: string[] = [];
  const statuses = new Map<string, number>();
  const complaints: string[] = [];
  let left = inputs;
  let granted = 0;
  const work = async (): Promise<void> => {
    while (left > 0 && complaints.length === 0) {
      left -= 1;
      const bytes = request(random, { host, token: mallory, sessions });
      const answer = await exchange(Number(port), bytes);
      const found = complaint(answer);
      if (found !== undefined) complaints.push(`${found}\n${bytes.toString("latin1")}\n=>\n${answer.slice(0, 2_000)}`);
      const status = answer.slice(9, 12);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const id = /^mcp-session-id: (\S+)\r$/im.exec(answer)?.[1];
      if (id === undefined || !answer.startsWith("HTTP/1.1 200") || !answer.includes('"protocolVersion"')) continue;
      granted += 1;
      if (sessions.length < 20) sessions.push(id);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  expect(complaints).toEqual([]);
  // The grammar reaches the server's inside, and its guards.
  for (const status of ["200", "202", "400", "401", "403", "404", "405", "406", "415"]) {
    expect(statuses.get(status) ?? 0, `answers ${status} of ${JSON.stringify([...statuses])}`).toBeGreaterThan(0);
  }
  const health = await fetch(`${server.origin}/healthz`);
  expect(health.status).toBe(200);
  await health.body?.cancel();

  const args = ["records", "--json", "--limit", "10000", "--store", `sqlite:${join(dir, "state.db")}`];
  const { records } = JSON.parse((await runServer({ args, cwd: dir })).stdout) as {
    readonly records: readonly { readonly kind: string; readonly owner: string; readonly state: string }[];
  };
  const wires = records.filter(({ kind, state }) => kind === "holdfast.transport" && state === "live");
  expect(wires.length).toBeLessThanOrEqual(granted);
  // Two principals, the engine's nodes, and what concerns everybody: nobody else has come to own anything.
  expect(new Set(records.map(({ owner }) => owner)).size).toBeLessThanOrEqual(4);
});
