/** Answers to single requests that depend on nothing before them: each a row of "Exact answers" in docs/guarantees.md. */
import type { Asked, Headers, Seen } from "./ask.ts";
import type { World } from "./world.ts";

export type Row = {
  readonly situation: string;
  readonly ask: (world: World) => Promise<Seen>;
  readonly status: number;
  readonly code: number;
  /** Exact, or how it begins where it goes on to say a number or a name. */
  readonly message: string | RegExp;
  /** Default: null. */
  readonly id?: number;
  /** Those that have to be there. */
  readonly headers?: Readonly<Record<string, string | RegExp>>;
};

const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
const listing = { jsonrpc: "2.0", id: 1, method: "tools/list" };

/** As alice, who is known, so that what is answered is answered to the request. */
function sends(body: unknown, headers: Headers = {}, asked: Asked = {}): Row["ask"] {
  return ({ post, as }) => post(body, { ...as("alice"), ...headers }, asked);
}

function nested(depth: number): string {
  return `{"jsonrpc":"2.0","id":1,"method":"ping","params":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`;
}

/** A request of the 2026-07-28 revision. */
function modern(method: string, headers: Headers = {}, protocol = "2026-07-28"): Row["ask"] {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": protocol,
    "io.modelcontextprotocol/clientInfo": { name: "raw", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const named = { "mcp-protocol-version": protocol, "mcp-method": method, ...headers };
  return sends({ jsonrpc: "2.0", id: 1, method, params: { _meta } }, named);
}

const batchOf = (count: number): unknown => Array.from({ length: count }, (_, id) => ({ ...ping, id }));
const challenge = { "www-authenticate": /^Bearer/ };
const era2026 = { "mcp-protocol-version": "2026-07-28" };

export const rows: readonly Row[] = [
  {
    situation: "no token",
    ask: ({ post }) => post(ping),
    status: 401,
    code: -32000,
    message: /./,
    headers: challenge,
  },
  {
    situation: "a token nobody has",
    ask: ({ post }) => post(ping, { authorization: "Bearer nonsense" }),
    status: 401,
    code: -32000,
    message: /./,
    headers: challenge,
  },
  {
    situation: "an origin that is not allowed",
    ask: sends(ping, { origin: "https://evil.example" }),
    status: 403,
    code: -32000,
    message: "Forbidden: this origin is not allowed",
  },
  {
    situation: "a host that is not allowed",
    ask: sends(ping, { host: "evil.example" }),
    status: 403,
    code: -32000,
    message: "Forbidden: this host name is not served here",
  },
  {
    situation: "a method that there is not",
    ask: sends(undefined, {}, { method: "PUT" }),
    status: 405,
    code: -32000,
    message: "Method not allowed.",
    headers: { allow: "GET, POST, DELETE" },
  },
  {
    situation: "a body over the cap, by its header",
    ask: sends({ ...ping, params: { a: "x".repeat(70_000) } }),
    status: 413,
    code: -32000,
    message: "Payload Too Large: a request body has at most 65536 bytes",
    headers: { connection: "close" },
  },
  {
    situation: "a body over the cap, as it comes",
    ask: sends({ ...ping, params: { a: "x".repeat(70_000) } }, {}, { chunked: true }),
    status: 413,
    code: -32000,
    message: "Payload Too Large: a request body has at most 65536 bytes",
    headers: { connection: "close" },
  },
  {
    situation: "a compressed body",
    ask: sends(ping, { "content-encoding": "gzip" }),
    status: 415,
    code: -32000,
    message: "Unsupported Media Type: bodies are taken uncompressed",
  },
  {
    situation: "a body of another type",
    ask: sends(ping, { "content-type": "text/plain" }),
    status: 415,
    code: -32000,
    message: "Unsupported Media Type: Content-Type must be application/json",
  },
  {
    situation: "an Accept without streams",
    ask: sends(ping, { accept: "application/json" }),
    status: 406,
    code: -32000,
    message: "Not Acceptable: the client must accept both application/json and text/event-stream",
  },
  {
    situation: "a GET that accepts no stream",
    ask: sends(undefined, { accept: "application/json" }, { method: "GET" }),
    status: 406,
    code: -32000,
    message: "Not Acceptable: the client must accept text/event-stream",
  },
  {
    situation: "bad JSON",
    ask: sends('{"jsonrpc":'),
    status: 400,
    code: -32700,
    message: "Parse error: the request body is not valid JSON",
  },
  { situation: "an empty batch", ask: sends([]), status: 400, code: -32600, message: /^Invalid Request: / },
  {
    situation: "a batch of more than 100",
    ask: sends(batchOf(101), { "mcp-protocol-version": "2025-03-26" }),
    status: 400,
    code: -32600,
    message: /^Invalid Request: /,
  },
  {
    situation: "a batch in a version without any",
    ask: sends(batchOf(2), { "mcp-protocol-version": "2025-11-25" }),
    status: 400,
    code: -32600,
    message: "Invalid Request: this protocol version has no batches",
  },
  { situation: "nesting over 64", ask: sends(nested(70)), status: 400, code: -32600, message: /^Invalid Request: / },
  {
    situation: "no session id on a 2025-era request that needs one",
    ask: sends(listing),
    status: 400,
    code: -32000,
    message: "Bad Request: Mcp-Session-Id header is required",
  },
  {
    situation: "no session id on a GET",
    ask: sends(undefined, {}, { method: "GET" }),
    status: 400,
    code: -32000,
    message: "Bad Request: Mcp-Session-Id header is required",
  },
  {
    situation: "2026-07-28: header and body disagree",
    ask: modern("tools/list", { "mcp-method": "tools/call" }),
    status: 400,
    code: -32020,
    message: /./,
    id: 1,
  },
  {
    situation: "2026-07-28: version unknown",
    ask: modern("tools/list", {}, "2099-01-01"),
    status: 400,
    code: -32022,
    message: /./,
    id: 1,
  },
  {
    situation: "2026-07-28: method unknown",
    ask: modern("tools/unknown"),
    status: 404,
    code: -32601,
    message: /./,
    id: 1,
  },
  ...["GET", "DELETE"].map(
    (method): Row => ({
      situation: `2026-07-28: ${method}`,
      ask: sends(undefined, era2026, { method }),
      status: 405,
      code: -32000,
      message: "Method not allowed.",
      headers: { allow: "POST" },
    }),
  ),
];
