/** Clients for the tests of the server: with a token, and down to the bare requests. */
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

import { type Answer, type Arguments, answerOf } from "../clients/caller.ts";

export type Era = "2025" | "2026";

export interface Connection extends AsyncDisposable {
  /** The client itself, for what `call` cannot do. */
  readonly client: Client;
  readonly wireSession: () => string | undefined;
  call(tool: string, args?: Arguments): Promise<Answer>;
}

const timeout = 15_000;

/** Connects the official v2 client in one era, as the bearer of a token if one is given. */
export async function connect(url: string, era: Era, token?: string): Promise<Connection> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
  const mode = era === "2025" ? "legacy" : ({ pin: "2026-07-28" } as const);
  const client = new Client({ name: "server-tests", version: "1.0.0" }, { versionNegotiation: { mode } });
  await client.connect(transport, { timeout });
  return {
    client,
    wireSession: () => transport.sessionId,
    call: async (name, args = {}) => answerOf(await client.callTool({ name, arguments: { ...args } }, { timeout })),
    async [Symbol.asyncDispose]() {
      await client.close();
    },
  };
}

export type RawAnswer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, or the one event of an SSE body, as JSON; undefined if it is neither. */
  readonly json: unknown;
};

/** One bare POST with the headers every client sends, which `headers` may replace. */
export async function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  const answer = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      ...headers,
    },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, text, json: jsonOf(text) };
}

/** A bare 2025-11-25 session: initialized, and known by the headers that name it. */
export async function openRawSession(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, string>>> {
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "raw", version: "1" } };
  const answer = await post(url, { jsonrpc: "2.0", id: 0, method: "initialize", params }, headers);
  const session = answer.headers.get("mcp-session-id");
  const named = { ...headers, "mcp-protocol-version": "2025-11-25", ...(session && { "mcp-session-id": session }) };
  await post(url, { jsonrpc: "2.0", method: "notifications/initialized" }, named);
  return named;
}

/** The body of a bare tool call. */
export function toolCall(name: string, args: Arguments = {}, id = 1): unknown {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } };
}

function jsonOf(text: string): unknown {
  const events = [...text.matchAll(/^data: ?(.+)$/gm)].map((match) => match[1]);
  try {
    return JSON.parse(events.at(-1) ?? text);
  } catch {
    return undefined;
  }
}
