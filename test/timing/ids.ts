/** Times of a stranger's id and of one that never was, against the built server. */
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";

import { textOf, valueOf } from "../clients/caller.ts";
import { seeded } from "../lib/random.ts";
import { removeFolder, startServer, temporaryFolder } from "../lib/server-process.ts";
import { connect, openRawSession, toolCall } from "../server/connect.ts";
import { type Ask, type Comparison, compareTimes, telling } from "./compare.ts";

const tokens = { "mallory-0123456789": { subject: "mallory" }, "alice-0123456789ab": { subject: "alice" } };
const [mallory = "", alice = ""] = Object.keys(tokens);
/** A difference counts if each of so many comparisons finds it, and all on the same side. */
const tries = 3;
const plantedMs = 0.3;

export type TimingOptions = { readonly pairs: number; readonly seed: number; readonly store: string };
export type TimingResult = {
  /** What should not be; empty where all is well. */
  readonly complaints: readonly string[];
  readonly seen: readonly (readonly [what: string, comparison: Comparison])[];
};

export async function compareIds({ pairs, seed, store }: TimingOptions): Promise<TimingResult> {
  const dir = await temporaryFolder();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const file = join(dir, "tokens.json");
    await writeFile(file, JSON.stringify(tokens), { mode: 0o600 });
    // One unknown id is repeated, which nobody takes for guessing.
    await using server = await startServer({ dir, store, args: ["--auth-tokens", file] });
    const authorization = `Bearer ${mallory}`;
    const bySession = (id: string): Ask =>
      asking(agent, server.url, { authorization, "mcp-session-id": id, "mcp-protocol-version": "2025-11-25" }, ping);
    const headers = await openRawSession(server.url, { authorization: `Bearer ${alice}` });
    await using owner = await connect(server.url, "2026", alice);
    const handle = textOf(await valueOf(owner.call("create_session")), "session_id");
    await valueOf(owner.call("set_session_data", { session_id: handle, key: "k", value: "v" }));
    const own = await openRawSession(server.url, { authorization });
    const byHandle = (session_id: string): Ask =>
      asking(agent, server.url, own, toolCall("get_session_data", { session_id, key: "k" }));

    const random = seeded(seed);
    const pairsOf: readonly (readonly [string, Ask, Ask])[] = [
      ["session ids", bySession(headers["mcp-session-id"] ?? ""), bySession(`${unknownHandle()}.${secret()}`)],
      ["handles", byHandle(handle), byHandle(unknownHandle())],
    ];
    const complaints: string[] = [];
    const seen: [string, Comparison][] = [];
    for (const [what, foreign, unknown] of pairsOf) {
      await compareTimes(foreign, unknown, Math.min(pairs, 500), random);
      const found: Comparison[] = [];
      do found.push(await compareTimes(foreign, unknown, pairs, random));
      while (Math.abs(found.at(-1)?.score ?? 0) > telling && found.length < tries);
      for (const comparison of found) seen.push([what, comparison]);
      const told = found.every(({ score }) => score > telling) || found.every(({ score }) => score < -telling);
      if (told) complaints.push(`${what}: a stranger's and an unknown one take different times`);

      // Blind eyes see no difference either.
      const planted = await compareTimes(delayed(foreign), unknown, pairs, random);
      seen.push([`${what}, with ${plantedMs} ms planted`, planted]);
      if (planted.score < telling) complaints.push(`${what}: a planted delay of ${plantedMs} ms was not noticed`);
    }
    return { complaints, seen };
  } finally {
    agent.destroy();
    await removeFolder(dir);
  }
}

const ping = { jsonrpc: "2.0", id: 1, method: "ping" };

function asking(agent: Agent, url: string, headers: Readonly<Record<string, string>>, body: unknown): Ask {
  const text = JSON.stringify(body);
  const given = { "content-type": "application/json", accept: "application/json, text/event-stream", ...headers };
  return () =>
    new Promise((resolve, reject) => {
      const sent = request(url, { method: "POST", agent, headers: given });
      sent.once("response", (response) => response.resume().once("end", resolve).once("error", reject));
      sent.once("error", reject);
      sent.end(text);
    });
}

/** A timer is too coarse for so little. */
function delayed(ask: Ask): Ask {
  return async () => {
    await ask();
    const until = performance.now() + plantedMs;
    while (performance.now() < until);
  };
}

function unknownHandle(): string {
  return `ses_${randomBytes(17).toString("base64url").slice(0, 22)}`;
}

function secret(): string {
  return randomBytes(32).toString("base64url");
}
