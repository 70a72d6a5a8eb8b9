/** A caller of either era, ready to count. */
import { Connection } from "./client.ts";

const clientInfo = { name: "bench", version: "1.0.0" };

export type Caller = { call(): Promise<void>; close(): void };

/** Opens a 2025-era session and calls `count` in it. */
export async function sessionCaller(port: number, headers: Readonly<Record<string, string>> = {}): Promise<Caller> {
  const connection = new Connection(port, { "mcp-protocol-version": "2025-11-25", ...headers });
  const session = { "mcp-session-id": await openSession(connection) };
  return caller(connection, countMessage({}), session);
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
export async function modernCaller(port: number): Promise<Caller> {
  const connection = new Connection(port, {
    "mcp-protocol-version": "2026-07-28",
    "mcp-method": "tools/call",
    "mcp-name": "count",
  });
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": clientInfo,
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  return caller(connection, countMessage({ _meta: meta }), {});
}

function countMessage(extra: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "count", arguments: { counter: "calls" }, ...extra },
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
