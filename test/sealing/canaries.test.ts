/** A thousand canaries put into a sealed store by every tool that takes content, and looked for wherever they could be left. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openStore } from "holdfast";
import { describe, expect, it, onTestFinished } from "vitest";

import { faultOf, textOf, valueOf } from "../clients/caller.ts";
import { openDurable } from "../lib/durable-stores.ts";
import { rawDocuments } from "../lib/raw-documents.ts";
import { removeFolder, runServer, startServer, temporaryFolder } from "../lib/server-process.ts";
import { connect } from "../server/connect.ts";

const count = 1_000;
const canary = (n: number): string => `canary-${n}-${(n * 2_654_435_761) % 4_294_967_296}`;
/** What is shown on purpose: it says that the search would find what is there. */
const shown = "visible-label-of-a-session";

/** Calls every tool that takes content, in both eras, and answers what came back that is nobody's content. */
async function plant(url: string): Promise<readonly string[]> {
  let next = 0;
  const some = (): string[] => Array.from({ length: count / 10 }, () => canary(next++));
  const seen: string[] = [];
  for (const era of ["2025", "2026"] as const) {
    await using client = await connect(url, era);
    const session_id = textOf(await valueOf(client.call("create_session", { label: shown })), "session_id");
    const [preference, data, note, metadata, steps] = [some(), some(), some(), some(), some()];
    for (const [tool, args] of [
      ["create_session", { metadata }],
      ["set_preference", { session_id, key: "p", value: preference }],
      ["set_session_data", { session_id, key: "d", value: data }],
      ["record_action", { session_id, action: "noted", details: note, idempotency_key: "once" }],
      ["store_sensitive_data", { session_id, key: "s", value: note.join() }],
      ["start_workflow", { name: steps[0] ?? "", steps }],
      ["join_channel", { session_id, channel: "c" }],
      ["broadcast", { session_id, channel: "c", message: data }],
    ] as const) {
      await valueOf(client.call(tool, args));
    }
    seen.push(JSON.stringify(await faultOf(client.call("complete_step", { workflow_id: "wf_x", step_id: "x" }))));
    expect(JSON.stringify(await valueOf(client.call("get_context", { session_id })))).toContain(note[0]);
  }
  expect(next).toBe(count);
  return seen;
}

async function filesIn(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith("keys.json"));
  return (await Promise.all(files.map(({ parentPath, name }) => readFile(join(parentPath, name), "latin1")))).join(
    "\n",
  );
}

describe.each(["sqlite", "postgres", "redis", "tiered"])("a sealed %s store", (name) => {
  it("shows none of a thousand canaries: in its files, to its own commands, in a dump, in logs, metrics or errors", async () => {
    const dir = await temporaryFolder();
    onTestFinished(() => removeFolder(dir));
    const backing = await openDurable(name);
    onTestFinished(async () => backing[Symbol.asyncDispose]());
    const keys = join(dir, "seal.json");
    const ring = { current: "a", keys: { a: Buffer.alloc(32, "a").toString("base64") } };
    await writeFile(keys, JSON.stringify(ring), { mode: 0o600 });
    const args = ["--log-level", "trace", "--seal-keys", keys];
    const server = await startServer({ dir, store: backing.url, args });
    const seen = [...(await plant(server.url))];
    const metrics = await (await fetch(`${server.origin}/metrics`)).text();
    expect(metrics).toContain("mcp_server_operation_duration");
    await server.stop();

    const dump = await runServer({ args: ["records", "--json", "--store", backing.url], cwd: dir });
    expect(dump.code).toBe(0);
    await using store = await openStore(backing.url);
    await using raw = await rawDocuments(backing.url, store);
    const everything = await raw.everything();
    const folder = await raw.folder();
    const files = folder === undefined ? "" : await filesIn(folder);
    for (const place of [everything, files]) {
      expect(place.includes("hs1.a."), "ciphertext is seen").toBe(true);
      expect(place.includes(shown), "what is not sealed is seen").toBe(true);
    }
    const left = [everything, files, metrics, server.stderr(), server.stdout(), dump.stdout, dump.stderr, ...seen];
    // All at once: the files are long.
    expect(left.flatMap((text) => text.match(/canary-\d+-\d+/g) ?? [])).toEqual([]);
  });
});
