/** Everything that may be kept of a principal, each with a word of its own that can be looked for afterwards. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { inputRequired } from "@modelcontextprotocol/server";
import {
  eventSourced,
  type Hold,
  holdfast,
  kind,
  type Principal,
  reply,
  requires,
  sealingKeys,
  serve,
  withState,
} from "holdfast";
import { resumableSession } from "holdfast/adapters/sdk";
import type { Store } from "holdfast/contract";
import { expect } from "vitest";
import { z } from "zod";

import { callModern } from "../lib/modern-call.ts";
import { openRawSession, readUntil } from "../lib/raw-session.ts";
import { poll } from "../lib/waiting.ts";

const Word = z.object({ word: z.string().default("") });
const Note = kind("note", { schema: Word, index: ({ word }) => ({ word }) });
const Profile = kind("profile", { schema: Word, scope: "principal" });
const Diary = kind("diary", { schema: Word, scope: "named" });
const Kept = kind("kept", { schema: Word, retain: "30d" });
const Vault = kind("vault", { schema: Word, sealed: true });
const Flow = eventSourced("flow", {
  initial: { words: [] as string[] },
  events: { said: Word },
  evolve: (value, { payload }) => void value.words.push(payload.word),
  snapshotEvery: 2,
});
const kinds = [Note, Profile, Diary, Kept, Vault, Flow] as const;

export const alice: Principal = { issuer: "https://id.example.com", subject: "alice-the-forgotten", scopes: [] };
const bob: Principal = { ...alice, subject: "bob" };

export interface Everything extends AsyncDisposable {
  readonly hold: Hold<typeof kinds>;
  /** Where alice is served. */
  readonly url: string;
  /** What bob has of his own, by his handle of it. */
  readonly theirs: string;
}

export async function openEverything(store: Store): Promise<Everything> {
  const sealing = { keys: sealingKeys({ current: "k", keys: { k: Buffer.alloc(32, "k").toString("base64") } }) };
  const hold = await holdfast({ store, kinds, reap: false, sealing });
  const app = serve(hold, { name: "everything", version: "1.0.0" }, build, {
    authenticate: () => ({ ok: true, principal: alice }),
    limits: { maxCallsPerMinute: 1_000 },
    stepUp: { payments: { url: (request) => `https://shop.example.com/confirm/${request}`, message: "Pay?" } },
    server: { capabilities: { logging: {} } },
  });
  const server = createServer(app.node);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    hold,
    // It listens on a port.
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    theirs: (await hold.state(bob).note.create({ word: "bobs-own" })).id,
    [Symbol.asyncDispose]: async () => {
      await app.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await hold.close();
    },
  };
}

type Build = Parameters<typeof serve<typeof kinds>>[2];

const build: Build = (server, { state, session }) => {
  const withWord = { inputSchema: Word };
  server.registerTool("talk", withWord, async ({ word }, { mcpReq }) => {
    await mcpReq.notify({ method: "notifications/message", params: { level: "info", data: word } });
    await session?.record("talked", { word });
    return reply({ word });
  });
  server.registerTool("ask", withWord, async ({ word }, { mcpReq }) => {
    const before = mcpReq.requestState<{ readonly word: string }>();
    const sure = inputRequired.elicit({ message: word, requestedSchema: z.object({ sure: z.boolean() }) });
    if (before === undefined)
      return withState(inputRequired({ inputRequests: { sure } }), { word }, { singleUse: true });
    const { value } = await state.note.create({ word });
    return reply({ word: value.word });
  });
  server.registerTool("pay", requires(withWord, { stepUp: "payments" }), ({ word }) => reply({ word }));
  server.registerResource("x", "uri:word-uri", {}, () => ({ contents: [] }));
};

/**
 * Words that lie where nobody can read them: sealed in their record, as the answer of a call that counts once, or in a call
 * that waits for its client; and one of which only a digest is kept.
 */
export const hidden: readonly string[] = [
  "word-sealed",
  "word-outcome",
  "word-asked-by-ask",
  "word-asked-by-pay",
  "word-key",
];

/** Answers the words that were left with the store. */
export async function leaveEverything({
  hold,
  url,
  theirs,
}: Omit<Everything, keyof AsyncDisposable>): Promise<readonly string[]> {
  const words: string[] = [];
  const word = (of: string): string => {
    words.push(`word-${of}`);
    return `word-${of}`;
  };
  const state = hold.state(alice);

  const note = await state.note.create({}, { idempotency: { key: word("key") } });
  await state.note.update(note.id, (it) => void (it.word = word("note")), { idempotency: { key: "again" } });
  await state.note.increment(note.id, word("counter"), 2, { append: { stream: "log", event: word("joined-event") } });
  await state.note.append(note.id, word("stream"), word("event"));
  await state.profile.patch({ word: word("profile") });
  await state.diary.open(word("name")).patch({ word: word("named") });
  const kept = await state.kept.create({ word: word("retained") });
  await state.kept.destroy(kept.id);
  await state.vault.create({ word: word("sealed") });
  const flow = await state.flow.create({ type: "said", payload: { word: word("first-event") } });
  for (const of of ["second-event", "third-event"]) {
    await state.flow.append(flow.id, { type: "said", payload: { word: word(of) } }, { agent: word(`agent-of-${of}`) });
  }
  await state.lock(word("lock"), { ttlMs: 600_000 });
  await state.once({ name: "work", key: "k", intent: "word-in-a-digest" }, async () => word("outcome"));

  const session = hold.sessions(alice).open((await hold.sessions(alice).create({ label: word("label") })).id);
  await session.set(word("data-key"), word("data"));
  await session.setPreference("p", word("preference"));
  await session.increment(word("session-counter"));
  await session.record("acted", word("action"));
  await session.summarize(word("summary"));
  const channel = state.channel(word("channel"));
  await channel.join(session.id);
  await channel.broadcast(session.id, word("message"));

  await resumableSession(hold, alice).eventStore.storeEvent("s", { text: word("sdk-event") });
  await leaveGrants(hold, note.id, theirs);
  await leaveCalls(url, word);
  return [...new Set(words)];
}

/** Grants in both directions; some have expired and were not reaped, some were revoked. */
async function leaveGrants(hold: Everything["hold"], mine: string, theirs: string): Promise<void> {
  const [hers, his] = [hold.state(alice).note, hold.state(bob).note];
  await hers.share(mine, { with: bob, access: "read" });
  await hold.state(alice).once({ name: "lend", key: "k" }, async () => {
    const { grant } = await hers.share(mine, { with: bob, access: "read" });
    return await hers.revoke(grant);
  });
  const received = await his.share(theirs, { with: alice, access: "write" });
  await hers.increment(received.grant, "visits", 1, { idempotency: { key: "alices-key" } });
  const lapsed = [
    await hers.share(mine, { with: bob, access: "read", expires: "1ms" }),
    await his.share(theirs, { with: alice, access: "read", expires: "1ms" }),
  ];
  await hers.revoke((await hers.share(mine, { with: bob, access: "read" })).grant);
  await his.revoke((await his.share(theirs, { with: alice, access: "read" })).grant);
  const [given, taken] = lapsed.map(({ grant }) => grant);
  const gone = async (): Promise<true | undefined> => {
    const [ofHers, ofHis] = await Promise.all([hers.grants(mine), his.grants(theirs)]);
    const live = [...ofHers.grants, ...ofHis.grants].map(({ grant }) => grant);
    return live.includes(given ?? "") || live.includes(taken ?? "") ? undefined : true;
  };
  await poll(gone, "grants of a millisecond lapse");
}

/** A 2025-era session with a log, turns, a subscription, open questions and a confirmation, and the outcome of a 2026-07-28 call. */
async function leaveCalls(url: string, word: (of: string) => string): Promise<void> {
  const capabilities = { elicitation: { form: {}, url: {} } };
  const session = await openRawSession(url, {}, { capabilities });
  const subscribe = { method: "resources/subscribe", params: { uri: "uri:word-uri" } };
  await (await session.send(url, { jsonrpc: "2.0", id: 1, ...subscribe })).text();
  const said = await session.call(url, 2, "talk", { word: word("said") });
  expect(await readUntil(said, (events) => events.some(({ data }) => data.includes('"id":2')))).not.toEqual([]);
  for (const tool of ["ask", "pay"]) {
    const asking = await session.call(url, tool.length, tool, { word: word(`asked-by-${tool}`) });
    const isAsked = (events: readonly { readonly data: string }[]) =>
      events.some(({ data }) => data.includes("elicitation/create"));
    expect(isAsked(await readUntil(asking, isAsked))).toBe(true);
  }
  word("uri");
  const args = { word: word("modern") };
  const client = "word-client";
  const { requestState } = await callModern<{ readonly requestState: string }>(url, "ask", { arguments: args, client });
  const inputResponses = { sure: { action: "accept", content: { sure: true } } };
  expect(await callModern(url, "ask", { arguments: args, requestState, inputResponses, client })).toMatchObject({
    structuredContent: args,
  });
}
