/** A plain call of a tool in 2026-07-28: a client of the SDK would answer questions by itself, and present each state once. */
import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  PROTOCOL_VERSION_META_KEY,
} from "@modelcontextprotocol/server";

export type ModernCall = {
  readonly arguments: object;
  readonly requestState?: string | undefined;
  readonly inputResponses?: object | undefined;
  /** What the client calls itself. */
  readonly client?: string;
  /** What stands in `_meta` besides. */
  readonly meta?: object | undefined;
};

/** What is sent for it. */
export function modernCall(
  name: string,
  { client = "plain", meta, ...params }: ModernCall,
  headers: Readonly<Record<string, string>> = {},
): RequestInit {
  return {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": name,
      ...headers,
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: {
        name,
        ...params,
        _meta: {
          [PROTOCOL_VERSION_META_KEY]: "2026-07-28",
          [CLIENT_INFO_META_KEY]: { name: client, version: "1" },
          [CLIENT_CAPABILITIES_META_KEY]: { elicitation: { form: {} } },
          ...meta,
        },
      },
    }),
  };
}

type Answer<Result> = { readonly result?: Result; readonly error?: unknown };

/** Calls the server at an address. Throws what it answers, where that is no result. */
export async function callModern<Result>(url: string, name: string, params: ModernCall): Promise<Result> {
  const response = await fetch(url, modernCall(name, params));
  const { result, error } = (await response.json()) as Answer<Result>;
  if (result === undefined) throw new Error(`no result: ${JSON.stringify(error)}`);
  return result;
}
