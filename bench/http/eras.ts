/** Callers of either era, each somebody else, ready to count. */
import { Connection } from "./client.ts";

const clientInfo = { name: "bench", version: "1.0.0" };

export type Caller = { call(): Promise<void>; close(): void };
/** Makes the caller of this number for the server on this port. */
export type OpenCaller = (port: number, number: number) => Promise<Caller>;

/** Opens a 2025-era session and calls `count` in it. */
export async function sessionCaller(port: number, number: number): Promise<Caller> {
  const connection = new Connection(port, { "mcp-protocol-version": "2025-11-25", "x-subject": `user-${number}` });
  return callerOf(connection, await openSession(connection));
}

/** Calls `count` in a session that is open. */
export function callerOf(connection: Connection, sessionId: string): Caller {
  return caller(connection, countMessage({}), { "mcp-session-id": sessionId });
}

/** Opens a session as far as a client goes before its first call; returns its wire id. */
export async function openSession(
  connection: Connection,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  const opened = await connection.post(
    JSON.stringify({
      jsonrpc: "2.0",
      id: 0,
      method: "initialize",
      params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo },
    }),
    headers,
  );
  if (opened.sessionId === undefined) throw new Error(`no session: ${opened.status} ${opened.body}`);
  const initialized = JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" });
  await connection.post(initialized, { ...headers, "mcp-session-id": opened.sessionId });
  return opened.sessionId;
}

/** Calls `count` the 2026-07-28 way: every request complete in itself. */
export async function modernCaller(port: number, number: number): Promise<Caller> {
  const connection = new Connection(port, {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "count",
    "x-subject": `user-${number}`,
  });
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": clientInfo,
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  return caller(connection, countMessage({ _meta: meta }, { session: `session-${number}` }), {});
}

function countMessage(extra: object, more: object = {}): string {
  return JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "count", arguments: { counter: "calls", ...more }, ...extra },
  });
}

function caller(connection: Connection, message: string, headers: Readonly<Record<string, string>>): Caller {
  return {
    async call() {
      const { status, body } = await connection.post(message, headers);
      if (status !== 200 || !body.includes('"value":')) throw new Error(`unexpected answer: ${status} ${body}`);
    },
    close: () => connection.close(),
  };
}
