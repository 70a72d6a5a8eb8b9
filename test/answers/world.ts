/** Two nodes of the built server on one store, everybody who calls them, and ways to ask. */
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { type DurableStore, durableStores, openDurable } from "../lib/durable-stores.ts";
import { type Proxy, startProxy } from "../lib/proxy.ts";
import { removeFolder, type ServerProcess, startServer, temporaryFolder } from "../lib/server-process.ts";
import { type Asked, ask, type Headers, header, json, type Seen, usual } from "./ask.ts";

/** Whoever calls: a principal each, one of them by two clients. */
const callers = {
  alice: { subject: "alice", clientId: "cli" },
  phone: { subject: "alice", clientId: "phone" },
  bob: { subject: "bob", clientId: "cli" },
  carol: { subject: "carol", clientId: "cli" },
  mallory: { subject: "mallory", clientId: "cli" },
  greedy: { subject: "greedy", clientId: "cli" },
  dan: { subject: "dan", clientId: "cli" },
  eve: { subject: "eve", clientId: "cli" },
} as const;
export type Name = keyof typeof callers;

export const stores: readonly string[] = ["memory", ...durableStores];
const version = "2025-11-25";
export const limits = { sessions: 8, streams: 2 } as const;

export interface World extends AsyncDisposable {
  readonly store: string;
  /** JSON answers, and limits to run into. */
  readonly main: string;
  /** Pinned to streams, sessions of four seconds, and behind a way to the store that can be cut, where there is one. */
  readonly other: string;
  /** Where the store itself lies; undefined in memory. */
  readonly storeUrl: string | undefined;
  /** Cuts the other node's way to the store, or lets it through again. */
  cut(): Promise<void>;
  heal(): Promise<void>;
  as(name: Name): Headers;
  /** A session by its own connection: the headers that name it. */
  session(name: Name, at?: string): Promise<Headers>;
  /** A POST with the headers every client sends. */
  post(body: unknown, headers?: Headers, asked?: Asked & { readonly at?: string }): Promise<Seen>;
}

export function initialize(id = 0): unknown {
  const params = { protocolVersion: version, capabilities: {}, clientInfo: { name: "raw", version: "1" } };
  return { jsonrpc: "2.0", id, method: "initialize", params };
}

export async function openWorld(store: string): Promise<World> {
  const dir = await temporaryFolder();
  const place = store === "memory" ? undefined : await openDurable(store);
  const proxies = place === undefined || store === "sqlite" ? [] : await proxiesOf(place);
  const tokens = Object.entries(callers).map(([name, who]) => [`token-of-${name}`, { ...who, scopes: [] }]);
  await writeFile(join(dir, "tokens.json"), JSON.stringify(Object.fromEntries(tokens)));
  const key = (): string => randomBytes(32).toString("base64");
  const [first, second] = [key(), key()];
  const shared = ["--auth-tokens", join(dir, "tokens.json")];
  const start = (url: string, args: readonly string[]): Promise<ServerProcess> =>
    startServer({ dir, store: url, args: [...shared, ...args] });
  const servers = await Promise.all([
    start(place?.url ?? "memory:", [
      ...["--max-sessions", `${limits.sessions}`, "--max-streams-per-principal", `${limits.streams}`],
      ...["--max-body", "64KiB", "--seal-keys", JSON.stringify({ current: "two", keys: { one: first, two: second } })],
    ]),
    start(through(place?.url ?? "memory:", proxies), [
      ...["--response", "sse", "--max-streams", "1", "--session-idle", "4s"],
      ...["--seal-keys", JSON.stringify({ current: "one", keys: { one: first } })],
    ]),
  ]);
  const [main = "", other = ""] = servers.map(({ url }) => url);
  const as = (name: Name): Headers => ({ authorization: `Bearer token-of-${name}` });
  const post: World["post"] = (body, headers = {}, { at = main, ...asked } = {}) =>
    ask(at, { ...asked, body, headers: { ...usual, ...headers } });
  return {
    store,
    main,
    other,
    storeUrl: place?.url,
    cut: async () => {
      await Promise.all(proxies.map(({ proxy }) => proxy.refuse()));
      for (const { proxy } of proxies) proxy.reset();
    },
    heal: async () => {
      await Promise.all(proxies.map(({ proxy }) => proxy.heal()));
    },
    as,
    post,
    session: async (name, at = main) => {
      const opened = await post(initialize(), as(name), { at });
      const id = header(opened, "mcp-session-id");
      if (id === undefined) throw new Error(`no session: ${opened.status} ${opened.text}`);
      const named = { ...as(name), "mcp-session-id": id, "mcp-protocol-version": version };
      await post({ jsonrpc: "2.0", method: "notifications/initialized" }, named, { at });
      return named;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.kill()));
      await Promise.all(proxies.map(({ proxy }) => proxy[Symbol.asyncDispose]()));
      await place?.[Symbol.asyncDispose]();
      await removeFolder(dir);
    },
  };
}

type Led = { readonly target: string; readonly proxy: Proxy };

/** One for each server that the store is made of. */
async function proxiesOf({ url }: DurableStore): Promise<readonly Led[]> {
  const targets = url.replace(/^tiered:/, "").split(",");
  return await Promise.all(targets.map(async (target) => ({ target, proxy: await startProxy(target) })));
}

function through(url: string, proxies: readonly Led[]): string {
  return proxies.reduce((led, { target, proxy }) => led.replace(target, proxy.url), url);
}

/** The one thing a tool's error says, for comparisons. */
export function faultIn(seen: Seen): unknown {
  const { result } = json(seen) as {
    readonly result?: { readonly isError?: boolean; readonly structuredContent?: unknown };
  };
  return result?.isError === true ? result.structuredContent : undefined;
}
