/**
 * The protocol as a probe needs it, and no more: bare requests in either era, so that what is timed and judged is the
 * server and not a client library.
 */
import { ProbeFailure, unreachable, wrong } from "./failure.ts";

export type Era = "2025" | "2026";
export type Json = Readonly<Record<string, unknown>>;

export interface Peer {
  readonly era: Era;
  /** What the server calls itself, where it has said so. */
  readonly server: string;
  tools(): Promise<readonly Json[]>;
  /** The structured result. Throws `ProbeFailure`; with a tool's error too, unless one is expected. */
  call(tool: string, args: Json, expectError?: boolean): Promise<Json>;
  close(): Promise<void>;
}

export type PeerOptions = {
  readonly url: URL;
  readonly token: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

const versions = { "2025": "2025-11-25", "2026": "2026-07-28" } as const;
const me = { name: "holdfast probe", version: "1" };
const maxAnswer = 16 * 1024 ** 2;

export async function openPeer(era: Era, options: PeerOptions): Promise<Peer> {
  return era === "2026" ? modernPeer(options) : await sessionPeer(options);
}

function modernPeer(options: PeerOptions): Peer {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": versions["2026"],
    "io.modelcontextprotocol/clientInfo": me,
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const ask = (method: string, params: Json): Promise<Json> => {
    const name = typeof params["name"] === "string" ? { "mcp-name": params["name"] } : {};
    const headers = { "mcp-protocol-version": versions["2026"], "mcp-method": method, ...name };
    return request(options, { method, params: { ...params, _meta: meta } }, headers).then(({ result }) => result);
  };
  return {
    era: "2026",
    server: "",
    tools: () => toolsFrom(ask),
    call: (tool, args, expectError) => callTool(ask, tool, args, expectError),
    close: async () => undefined,
  };
}

async function sessionPeer(options: PeerOptions): Promise<Peer> {
  const version = versions["2025"];
  const params = { protocolVersion: version, capabilities: {}, clientInfo: me };
  const { result, session } = await request(options, { method: "initialize", params }, {});
  const negotiated = result["protocolVersion"];
  if (typeof negotiated !== "string") throw wrong("initialize: the answer has no protocolVersion");
  const named = { "mcp-protocol-version": negotiated, ...(session !== undefined && { "mcp-session-id": session }) };
  await send(options, "POST", named, { method: "notifications/initialized" });
  const ask = (method: string, given: Json): Promise<Json> =>
    request(options, { method, params: given }, named).then((answer) => answer.result);
  const info = result["serverInfo"];
  return {
    era: "2025",
    server: isJson(info) ? `${String(info["name"])} ${String(info["version"])}` : "",
    tools: () => toolsFrom(ask),
    call: (tool, args, expectError) => callTool(ask, tool, args, expectError),
    close: async () => {
      if (session !== undefined) await send(options, "DELETE", named, undefined);
    },
  };
}

type Ask = (method: string, params: Json) => Promise<Json>;

async function toolsFrom(ask: Ask): Promise<readonly Json[]> {
  const found: Json[] = [];
  let cursor: unknown;
  do {
    const page = await ask("tools/list", cursor === undefined ? {} : { cursor });
    const { tools } = page;
    if (!Array.isArray(tools) || !tools.every(isJson)) throw wrong("tools/list: `tools` is no array of objects");
    found.push(...tools);
    cursor = page["nextCursor"];
  } while (cursor !== undefined && found.length < 10_000);
  return found;
}

async function callTool(ask: Ask, tool: string, args: Json, expectError = false): Promise<Json> {
  const result = await ask("tools/call", { name: tool, arguments: args });
  const failed = result["isError"] === true;
  const structured = result["structuredContent"];
  if (failed && !expectError) throw wrong(`${tool}: ${JSON.stringify(structured ?? result["content"]).slice(0, 300)}`);
  if (!failed && expectError) throw wrong(`${tool}: was answered where an error was due`);
  if (!isJson(structured)) throw wrong(`${tool}: there is no structuredContent, or it is no object`);
  return structured;
}

type Message = { readonly method: string; readonly params?: Json };
type Answer = { readonly result: Json; readonly session: string | undefined };

async function request(options: PeerOptions, message: Message, headers: Headers): Promise<Answer> {
  const { status, text, session } = await send(options, "POST", headers, message);
  const answer = messageOf(text);
  if (isJson(answer) && isJson(answer["error"])) {
    const said = `HTTP ${status}, error ${String(answer["error"]["code"])}: ${String(answer["error"]["message"])}`;
    throw new ProbeFailure(status >= 500 ? "unreachable" : "wrong", `${message.method}: ${said}`);
  }
  if (status !== 200)
    throw new ProbeFailure(status >= 500 ? "unreachable" : "wrong", `${message.method}: HTTP ${status}`);
  if (!isJson(answer) || !isJson(answer["result"])) throw wrong(`${message.method}: the answer is no JSON-RPC result`);
  return { result: answer["result"], session };
}

type Headers = Readonly<Record<string, string>>;
type Sent = { readonly status: number; readonly text: string; readonly session: string | undefined };

async function send(
  { url, token, timeoutMs, signal }: PeerOptions,
  verb: "POST" | "DELETE",
  headers: Headers,
  message: Message | undefined,
): Promise<Sent> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const isNotification = message?.method.startsWith("notifications/") === true;
  const body = message && { jsonrpc: "2.0", ...(!isNotification && { id: 1 }), ...message };
  try {
    const answer = await fetch(url, {
      method: verb,
      headers: {
        ...(body && { "content-type": "application/json" }),
        accept: "application/json, text/event-stream",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.any([deadline, signal]),
    });
    const text = await answer.text();
    if (text.length > maxAnswer) throw wrong(`${message?.method ?? verb}: the answer has ${text.length} characters`);
    return { status: answer.status, text, session: answer.headers.get("mcp-session-id") ?? undefined };
  } catch (error) {
    if (error instanceof ProbeFailure) throw error;
    const what = message?.method ?? verb;
    if (signal.aborted) throw unreachable(`${what}: interrupted`);
    if (deadline.aborted) throw unreachable(`${what}: no answer within ${timeoutMs} ms`);
    throw unreachable(`${what}: ${reasonOf(error)}`);
  }
}

/** The body, or the last message of an SSE body. */
function messageOf(text: string): unknown {
  const events = [...text.matchAll(/^data: ?(.+)$/gm)].map((match) => match[1]);
  try {
    return JSON.parse(events.at(-1) ?? text);
  } catch {
    return undefined;
  }
}

/** What `fetch` hides: the reason stands in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof AggregateError) return cause.errors.map(String).join("; ");
  return cause instanceof Error ? cause.message : error.message;
}

export function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
