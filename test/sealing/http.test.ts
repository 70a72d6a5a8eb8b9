/** What a client of the built server is told where its session's seal does not open: never that there is no session. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openStore } from "holdfast";
import { localUser, ownerOfIdentity } from "holdfast/admin";
import { expect, it, onTestFinished } from "vitest";

import { rawDocuments } from "../lib/raw-documents.ts";
import { removeFolder, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { openRawSession, post } from "../server/connect.ts";

const ring = (id: string): string =>
  JSON.stringify({ current: id, keys: { [id]: Buffer.alloc(32, id).toString("base64") } });
const ping = { jsonrpc: "2.0", id: 1, method: "ping" };

it("answers 503 for a key that is gone and 500 for what was altered, alarms, and goes on once that is mended", async () => {
  const dir = await temporaryFolder();
  onTestFinished(() => removeFolder(dir));
  const keys = join(dir, "seal.json");
  const url = `sqlite:${join(dir, "state.db")}`;
  const start = async (id: string): Promise<ServerProcess> => {
    await writeFile(keys, ring(id), { mode: 0o600 });
    return await startServer({ dir, store: url, args: ["--seal-keys", keys] });
  };
  const first = await start("a");
  const headers = await openRawSession(first.url);
  expect((await post(first.url, ping, headers)).status).toBe(200);
  await first.stop();

  const without = await start("b");
  const gone = await post(without.url, ping, headers);
  expect(gone).toMatchObject({ status: 503, json: { error: { code: -32603 } } });
  expect(gone.headers.get("retry-after")).toBeTruthy();
  expect(without.stderr()).toMatch(/"level":50.*"code":"seal-key-missing".*ALARM/);
  await without.stop();

  const owner = ownerOfIdentity(localUser);
  const key = { kind: "holdfast.transport", id: (headers["mcp-session-id"] ?? "").split(".")[0] ?? "" };
  await using store = await openStore(url);
  await using raw = await rawDocuments(url, store);
  const sound = await raw.get(owner, key);
  await raw.set(owner, key, `${sound.slice(0, 40)}${sound[40] === "A" ? "B" : "A"}${sound.slice(41)}`);
  const altered = await start("a");
  const broken = await post(altered.url, ping, headers);
  expect(broken).toMatchObject({ status: 500, json: { error: { code: -32603 } } });
  expect(broken.text).not.toContain("seal");
  expect(altered.stderr()).toMatch(/"level":50.*"code":"seal-broken".*ALARM/);
  await altered.stop();

  await raw.set(owner, key, sound);
  await using mended = await start("a");
  expect((await post(mended.url, ping, headers)).status).toBe(200);
});
