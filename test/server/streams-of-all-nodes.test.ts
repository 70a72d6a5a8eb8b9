/** Streams of one principal on three nodes of one store, opened by all at once. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

import { type DurableStore, durableStores, openDurable } from "../lib/durable-stores.ts";
import { removeFolder, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { openRawSession } from "./connect.ts";

const max = 24;
const openings = 200;

type Headers = Readonly<Record<string, string>>;
/** It holds its answer: one that nobody holds is collected, and its connection ends with it. */
type Stream = { readonly status: number; readonly answer: Response; close(): Promise<void> };

describe.each(durableStores)("on %s", (name) => {
  let place: DurableStore;
  let dir: string;
  let servers: ServerProcess[] = [];
  const open: Stream[] = [];

  beforeAll(async () => {
    place = await openDurable(name);
    dir = await temporaryFolder();
    const tokens = ["alice", "bob"].map((subject) => [`token-of-${subject}`, { subject, clientId: "cli", scopes: [] }]);
    await writeFile(join(dir, "tokens.json"), JSON.stringify(Object.fromEntries(tokens)));
    servers = await Promise.all([0, 1, 2].map(() => start()));
  }, 120_000);

  afterEach(async () => {
    await Promise.all(open.splice(0).map((stream) => stream.close()));
  });

  afterAll(async () => {
    await Promise.all(servers.splice(0).map((server) => server.kill()));
    await place[Symbol.asyncDispose]();
    await removeFolder(dir);
  });

  function start(): Promise<ServerProcess> {
    const args = ["--auth-tokens", join(dir, "tokens.json"), "--max-streams-per-principal", `${max}`];
    return startServer({ dir, store: place.url, args });
  }

  const of = (subject: string): Headers => ({ authorization: `Bearer token-of-${subject}` });
  const urlOf = (node: number): string => servers[node]?.url ?? "";

  async function asked(node: number, init: RequestInit): Promise<Stream> {
    const gone = new AbortController();
    const answer = await fetch(urlOf(node), { ...init, signal: gone.signal });
    const stream: Stream = {
      status: answer.status,
      answer,
      close: async () => gone.abort(),
    };
    if (answer.status === 200) open.push(stream);
    else await answer.body?.cancel();
    return stream;
  }

  /** A stream of the 2026 era: nothing has to be there before. */
  function listen(node: number, subject: string): Promise<Stream> {
    const meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const params = { notifications: { toolsListChanged: true }, _meta: meta };
    return asked(node, {
      method: "POST",
      headers: {
        ...of(subject),
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "subscriptions/listen",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "subscriptions/listen", params }),
    });
  }

  function get(node: number, session: Headers): Promise<Stream> {
    return asked(node, { headers: { ...session, accept: "text/event-stream" } });
  }

  const opened = (streams: readonly Stream[]): number => streams.filter(({ status }) => status === 200).length;

  /** Opens so many, coming again as clients do, at nodes in turn; whatever is refused is refused as too many. */
  async function eventually(count: number, at: readonly number[], subject: string): Promise<void> {
    let made = 0;
    await expect
      .poll(
        async () => {
          const more = Array.from({ length: count - made }, (_, n) => listen(at[n % at.length] ?? 0, subject));
          made += opened(await Promise.all(more));
          return made;
        },
        { timeout: 30_000, interval: 200 },
      )
      .toBe(count);
  }

  it(`${openings} at once, of both eras, are as many as there may be; a place that is given back is anybody's`, async () => {
    const sessions = await Promise.all(Array.from({ length: 20 }, (_, n) => openRawSession(urlOf(n % 3), of("alice"))));
    const streams = await Promise.all(
      Array.from({ length: openings }, (_, n) => {
        const session = sessions[n];
        return session === undefined ? listen(n % 3, "alice") : get((n + 1) % 3, session);
      }),
    );
    expect(opened(streams)).toBe(max);
    expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200, 429]));
    // Nobody else feels it.
    expect(opened(await Promise.all([0, 1, 2].map((node) => listen(node, "bob"))))).toBe(3);
    const [one, another] = open;
    await Promise.all([one?.close(), another?.close()]);
    await eventually(2, [0, 1, 2], "alice");
    expect((await listen(1, "alice")).status).toBe(429);
  }, 120_000);

  it("who has all of them comes back to one at another node", async () => {
    const session = await openRawSession(urlOf(0), of("alice"));
    await expect.poll(async () => (await get(0, session)).status, { timeout: 20_000 }).toBe(200);
    await eventually(max - 1, [0, 1, 2], "alice");
    expect((await listen(0, "alice")).status).toBe(429);
    expect((await get(1, session)).status).toBe(200);
    expect((await listen(2, "alice")).status).toBe(429);
  }, 120_000);

  it("what a killed node had is free again, and nothing else is", async () => {
    await eventually(max / 2, [0], "alice");
    await eventually(max / 2, [1], "alice");
    expect((await listen(2, "alice")).status).toBe(429);
    await servers[0]?.kill();
    await eventually(max / 2, [2], "alice");
    expect((await listen(1, "alice")).status).toBe(429);
    servers[0] = await start();
    expect((await listen(0, "alice")).status).toBe(429);
  }, 120_000);
});
