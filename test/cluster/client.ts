/** The three official clients behind one face: v2 in both eras, and v1. None of them is changed in any way. */
import { Client as V2Client, StreamableHTTPClientTransport as V2Http } from "@modelcontextprotocol/client";
import { Client as V1Client } from "@modelcontextprotocol/sdk/client/index.js";
import {
  type StreamableHTTPReconnectionOptions,
  StreamableHTTPClientTransport as V1Http,
} from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Transport as V1Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";

import { durableStores } from "../lib/durable-stores.ts";
import { everything } from "../lib/extent.ts";

export type ClientName = "v1" | "v2, 2025-11-25" | "v2, 2026-07-28";

export type Reply = { readonly action: "accept" | "decline"; readonly content?: Record<string, string | boolean> };

export type ClientOptions = {
  /** Answers questions of the server. */
  readonly ask?: (question: string) => Reply | Promise<Reply>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly fetch?: typeof fetch;
};

export type CallOptions = {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: number) => void;
  /** Default: a minute. */
  readonly timeoutMs?: number;
};

export interface AnyClient extends AsyncDisposable {
  readonly name: ClientName;
  /** The data of every log message, in the order it came. */
  readonly logs: readonly string[];
  /** Names of lists that changed and URIs of resources that did, in the order they came. */
  readonly changes: readonly string[];
  /** Errors of its transport that belong to no call, such as a stream that broke off. */
  readonly errors: readonly Error[];
  /** How the subscriptions of a 2026-07-28 client ended; each was opened again. */
  readonly endings: readonly string[];
  readonly sessionId: string | undefined;
  /** The structured result of a tool. Rejects on tool errors too. */
  call(tool: string, args?: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<Result>;
  tools(): Promise<readonly string[]>;
  read(uri: string): Promise<string>;
  /** The text of a prompt. */
  prompt(name: string): Promise<string>;
  ping(): Promise<void>;
  setLevel(level: "debug" | "info" | "warning" | "error"): Promise<void>;
  subscribe(uri: string): Promise<void>;
  unsubscribe(uri: string): Promise<void>;
  /** Ends the session at the server (DELETE). */
  end(): Promise<void>;
}

export type Result = Readonly<Record<string, unknown>>;

const info = { name: "cluster-tests", version: "1.0.0" };
const capabilities = { elicitation: {}, sampling: {}, roots: { listChanged: true } };
const timeout = 60_000;
const root = { uri: "file:///work", name: "work" };

/** Patient, since nodes are killed under it; the defaults give up after two tries. */
function patience(): StreamableHTTPReconnectionOptions {
  return {
    initialReconnectionDelay: 50,
    maxReconnectionDelay: 500,
    reconnectionDelayGrowFactor: 1.5,
    maxRetries: 100,
  };
}

export const clientNames: readonly ClientName[] = ["v1", "v2, 2025-11-25", "v2, 2026-07-28"];
export const sessionClients: readonly ClientName[] = ["v1", "v2, 2025-11-25"];

/** The store's turn among several ways: each way with some of the stores, or all with all where everything is wanted. */
export function turnOf<T>(ways: readonly T[], storeName: string): T[] {
  const turn = durableStores.indexOf(storeName) % ways.length;
  return ways.filter((_, index) => everything || index === turn);
}

export function connectClient(name: ClientName, url: string, options: ClientOptions = {}): Promise<AnyClient> {
  return name === "v1" ? connectV1(url, options) : connectV2(name, url, options);
}

/** What happened to a client besides the answers to its calls. */
type Heard = {
  readonly logs: string[];
  readonly changes: string[];
  readonly errors: Error[];
  readonly endings: string[];
};

function nothingHeard(): Heard {
  return { logs: [], changes: [], errors: [], endings: [] };
}

const sampled = (text: string) =>
  ({ role: "assistant", model: "test", content: { type: "text", text: `sampled: ${text}` } }) as const;

async function connectV2(name: ClientName, url: string, options: ClientOptions): Promise<AnyClient> {
  const modern = name === "v2, 2026-07-28";
  const mode = modern ? ({ pin: "2026-07-28" } as const) : "legacy";
  const client = new V2Client(info, { versionNegotiation: { mode }, capabilities });
  const heard = nothingHeard();
  client.setRequestHandler("elicitation/create", async ({ params }) => ({
    ...(await answer(options, params.message)),
  }));
  client.setRequestHandler("sampling/createMessage", ({ params }) => sampled(JSON.stringify(params.messages)));
  client.setRequestHandler("roots/list", () => ({ roots: [root] }));
  client.setNotificationHandler("notifications/message", ({ params }) => void heard.logs.push(String(params.data)));
  client.setNotificationHandler("notifications/tools/list_changed", () => void heard.changes.push("tools"));
  client.setNotificationHandler("notifications/resources/updated", ({ params }) => void heard.changes.push(params.uri));
  client.onerror = (error) => void heard.errors.push(error);
  const transport = new V2Http(new URL(url), {
    reconnectionOptions: patience(),
    requestInit: { headers: { ...options.headers } },
    ...(options.fetch && { fetch: options.fetch }),
  });
  await client.connect(transport, { timeout });
  let level: "debug" | "info" | "warning" | "error" | undefined;
  return {
    name,
    ...heard,
    get sessionId() {
      return transport.sessionId;
    },
    async call(tool, args = {}, { signal, onProgress, timeoutMs = timeout } = {}) {
      const logLevel = modern && level !== undefined ? { "io.modelcontextprotocol/logLevel": level } : undefined;
      const result = await client.callTool(
        { name: tool, arguments: { ...args }, ...(logLevel && { _meta: logLevel }) },
        {
          timeout: timeoutMs,
          ...(signal && { signal }),
          ...(onProgress && { onprogress: ({ progress }) => onProgress(progress) }),
        },
      );
      return structured(result);
    },
    tools: async () => (await client.listTools({}, { timeout })).tools.map((tool) => tool.name),
    read: async (uri) => textOf(await client.readResource({ uri }, { timeout })),
    prompt: async (name) => promptOf(await client.getPrompt({ name }, { timeout })),
    async ping() {
      await client.ping({ timeout });
    },
    async setLevel(wanted) {
      level = wanted;
      if (!modern) await client.setLoggingLevel(wanted, { timeout });
    },
    async subscribe(uri) {
      if (modern) await listenAgain(client, uri, heard.endings);
      else await client.subscribeResource({ uri }, { timeout });
    },
    async unsubscribe(uri) {
      await client.unsubscribeResource({ uri }, { timeout });
    },
    end: () => transport.terminateSession(),
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** Opens a subscription, and another whenever the server has ended it, until the client itself closes. */
async function listenAgain(client: V2Client, uri: string, endings: string[]): Promise<void> {
  const { closed } = await client.listen({ toolsListChanged: true, resourceSubscriptions: [uri] }, { timeout });
  const again = async (): Promise<void> => {
    const ending = await closed;
    if (ending === "local" || client.transport === undefined) return;
    endings.push(ending);
    await listenAgain(client, uri, endings);
  };
  again().catch((error: unknown) => endings.push(String(error)));
}

async function connectV1(url: string, options: ClientOptions): Promise<AnyClient> {
  const client = new V1Client(info, { capabilities });
  const heard = nothingHeard();
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({ ...(await answer(options, params.message)) }));
  client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => sampled(JSON.stringify(params.messages)));
  client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [root] }));
  client.setNotificationHandler(
    LoggingMessageNotificationSchema,
    ({ params }) => void heard.logs.push(String(params.data)),
  );
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void heard.changes.push("tools"));
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => void heard.changes.push(params.uri));
  client.onerror = (error) => void heard.errors.push(error);
  const reconnectionOptions = patience();
  const transport = new V1Http(new URL(url), {
    reconnectionOptions,
    requestInit: { headers: { ...options.headers } },
    ...(options.fetch && { fetch: options.fetch }),
  });
  // Its optional members are declared without `undefined`, which exact optional types tell apart.
  const asTransport = transport as V1Transport;
  await client.connect(asTransport, { timeout });
  return {
    name: "v1",
    ...heard,
    get sessionId() {
      return transport.sessionId;
    },
    async call(tool, args = {}, { signal, onProgress, timeoutMs = timeout } = {}) {
      const result = await client.callTool({ name: tool, arguments: { ...args } }, undefined, {
        timeout: timeoutMs,
        ...(signal && { signal }),
        ...(onProgress && { onprogress: ({ progress }) => onProgress(progress) }),
      });
      return structured(result);
    },
    tools: async () => (await client.listTools({}, { timeout })).tools.map((tool) => tool.name),
    read: async (uri) => textOf(await client.readResource({ uri }, { timeout })),
    prompt: async (name) => promptOf(await client.getPrompt({ name }, { timeout })),
    async ping() {
      await client.ping({ timeout });
    },
    async setLevel(level) {
      await client.setLoggingLevel(level, { timeout });
    },
    async subscribe(uri) {
      await client.subscribeResource({ uri }, { timeout });
    },
    async unsubscribe(uri) {
      await client.unsubscribeResource({ uri }, { timeout });
    },
    end: () => transport.terminateSession(),
    [Symbol.asyncDispose]: async () => {
      // Of several streams it stops trying to resume one only; the others try on after the close.
      reconnectionOptions.maxRetries = 0;
      await client.close();
    },
  };
}

/** How a call ended, as a value: nobody has to catch a call that fails while something else is waited for. */
export function outcomeOf(call: Promise<Result>): Promise<Result | { readonly failed: string }> {
  return call.catch((error: unknown) => ({ failed: error instanceof Error ? error.message : String(error) }));
}

function answer({ ask }: ClientOptions, message: string): Reply | Promise<Reply> {
  if (ask === undefined) throw new Error(`nobody expected to be asked "${message}"`);
  return ask(message);
}

function structured(result: unknown): Result {
  const { isError, structuredContent } = result as { isError?: boolean; structuredContent?: Result };
  if (isError === true || structuredContent === undefined)
    throw new Error(`the tool failed: ${JSON.stringify(result)}`);
  return structuredContent;
}

function textOf({ contents }: { readonly contents: readonly object[] }): string {
  const [first] = contents;
  return first !== undefined && "text" in first ? String(first.text) : "";
}

function promptOf({ messages }: { readonly messages: readonly { readonly content: object }[] }): string {
  const content = messages[0]?.content;
  return content !== undefined && "text" in content ? String(content.text) : "";
}
