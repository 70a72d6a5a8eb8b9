/** `npm start` as a person has it: its processes are killed, and its client goes on. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { race } from "holdfast/testing";
import { expect, it } from "vitest";

type Answer = Record<string, unknown>;

const main = fileURLToPath(new URL("../../.cache/build/examples/cluster/main.js", import.meta.url));

it("counts on every node, and asks on one that dies before it is answered", { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-example-"));
  const port = await fourFreePorts();
  const all = spawn(process.execPath, [main], { cwd: folder, env: { ...process.env, PORT: String(port) } });
  let said = "";
  all.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  all.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const client = new Client(
    { name: "person", version: "1.0.0" },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: "legacy" } },
  );
  client.setRequestHandler("elicitation/create", async ({ params }) => {
    const node = /node \d/.exec(params.message)?.[0] ?? "";
    const pid = Number(new RegExp(`${node} is process (\\d+)`).exec(said)?.[1]);
    process.kill(pid, "SIGKILL");
    return { action: "accept", content: { reason: `${node} asked` } };
  });
  try {
    const url = new URL(`http://127.0.0.1:${port}/mcp`);
    await until(
      all,
      () => said,
      async () => (await fetch(url, { method: "HEAD" })).status !== 503,
    );
    await client.connect(new StreamableHTTPClientTransport(url));
    const call = async (name: string): Promise<Answer> =>
      (await client.callTool({ name, arguments: {} })).structuredContent as Answer;
    const answers: Answer[] = [];
    await until(
      all,
      () => said,
      async () => {
        answers.push(await call("count"));
        return new Set(answers.map(({ node }) => node)).size === 3;
      },
    );
    expect(answers.map(({ count }) => count)).toEqual(answers.map((_, index) => index + 1));

    // Fifty at once over three nodes: every number once, none missing.
    const { rejected, values } = await race(50, () => call("count"));
    expect(rejected).toBe(0);
    const counts = values.map(({ count }) => Number(count)).toSorted((one, other) => one - other);
    expect(counts).toEqual(Array.from({ length: 50 }, (_, index) => answers.length + 1 + index));

    const answer = await call("count_for_a_reason");
    expect(answer).toMatchObject({ reason: expect.stringMatching(/^node \d asked$/), count: answers.length + 51 });
    expect(answer["reason"]).not.toBe(`${String(answer["node"])} asked`);
  } finally {
    await client.close();
    const gone = once(all, "exit");
    all.kill("SIGTERM");
    await gone;
    await rm(folder, { recursive: true, force: true });
  }
});

/** Asks until it is so; what is refused or fails meanwhile is asked again. */
async function until(child: ChildProcess, said: () => string, ask: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await ask().catch(() => false))) {
    if (Date.now() > deadline || child.exitCode !== null) throw new Error(`it did not come to that:\n${said()}`);
    await delay(50);
  }
}

/** The first of four ports in a row that nobody has. */
async function fourFreePorts(): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000);
    const free = await Promise.all([0, 1, 2, 3].map((offset) => isFree(first + offset)));
    if (free.every(Boolean)) return first;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
