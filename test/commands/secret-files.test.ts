/** Secrets that lie in files of their own: used, and shown neither by the list of processes nor by the server. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

import { valueOf } from "../clients/caller.ts";
import { openDurable } from "../lib/durable-stores.ts";
import { removeFolder, runServer, startServer, temporaryFolder } from "../lib/server-process.ts";
import { connect } from "../server/connect.ts";

const secret = "hunter2-hunter2-hunter2";
let dir: string;

beforeAll(async () => {
  dir = await temporaryFolder();
});
afterAll(() => removeFolder(dir));

async function hidden(name: string, text: string): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, `${text}\n`, { mode: 0o600 });
  return path;
}

it("the server takes them, from flags and variables, and shows none", async () => {
  await using backing = await openDurable("postgres");
  const ring = JSON.stringify({ current: "a", keys: { a: Buffer.alloc(32, secret).toString("base64") } });
  const server = await startServer({
    dir,
    store: "default",
    args: ["--store-file", await hidden("store", backing.url), "--seal-keys-file", await hidden("ring", ring)],
    env: { HOLDFAST_METRICS_TOKEN_FILE: await hidden("token", secret) },
  });
  try {
    const metrics = (token: string): Promise<Response> =>
      fetch(`${server.origin}/metrics`, { headers: { authorization: `Bearer ${token}` } });
    expect((await metrics(secret)).status).toBe(200);
    expect((await metrics("another")).status).toBe(401);
    await using client = await connect(server.url, "2026");
    expect(await valueOf(client.call("server_stats"))).toMatchObject({ store: "postgres" });
    const shown = JSON.stringify(await valueOf(client.call("get_server_config")));
    expect(shown).not.toContain("hunter2");
    expect(shown).not.toContain("metrics_token");
    const ofProcess = process.platform === "linux" ? await readFile(`/proc/${server.pid}/environ`, "utf8") : "";
    expect(ofProcess + server.stderr()).not.toContain("hunter2");
  } finally {
    await server.stop();
  }
});

it("a command takes them for flags of its own, and says where one cannot be read", async () => {
  const from = `sqlite:${join(dir, "from.db")}`;
  const made = await startServer({ dir, store: from });
  await made.stop();
  const to = `sqlite:${join(dir, "to.db")}`;
  const env = { HOLDFAST_TO_FILE: await hidden("to", to) };
  const args = ["migrate", "--from-file", await hidden("from", from), "--json"];
  expect(await runServer({ cwd: dir, env, args })).toMatchObject({ code: 0, stdout: expect.stringContaining("to.db") });
  const both = await runServer({ cwd: dir, env, args: [...args, "--from", from] });
  expect([both.code, both.stderr]).toEqual([
    2,
    expect.stringContaining("--from and --from-file contradict each other"),
  ]);
  const missing = await runServer({ cwd: dir, args: ["records", "--store-file", join(dir, "nowhere")] });
  expect([missing.code, missing.stderr]).toEqual([
    2,
    expect.stringContaining("the file of --store-file cannot be read"),
  ]);
});
