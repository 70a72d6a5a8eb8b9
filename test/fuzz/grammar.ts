/** Requests that a hostile, broken or merely odd client might send, as bytes. */
import type { Random } from "../lib/random.ts";

export type Surroundings = { readonly host: string; readonly token: string; readonly sessions: readonly string[] };

const methods = [
  "initialize",
  "ping",
  "tools/list",
  "tools/call",
  "resources/read",
  "resources/list",
  "subscriptions/listen",
  "notifications/initialized",
  "notifications/cancelled",
  "server/discover",
  "logging/setLevel",
  "completion/complete",
  "prompts/list",
  "__proto__",
  "constructor",
  "",
  "tools/call\u0000",
  "x".repeat(300),
];
const tools = [
  "set_session_data",
  "get_session_data",
  "record_action",
  "get_context",
  "list_sessions",
  "increment_counter",
  "start_workflow",
  "get_workflow_history",
  "server_stats",
  "store_sensitive_data",
  "toString",
  "__proto__",
  "no_such_tool",
];
const versions = ["2025-11-25", "2025-06-18", "2025-03-26", "2026-07-28", "1999-01-01", "", "2026-07-28, 2025-11-25"];
const texts = [
  "",
  "a",
  "\u0000",
  "\ud800",
  "__proto__",
  "constructor",
  "../../etc/passwd",
  "'; DROP TABLE records; --",
  "ses_AAAAAAAAAAAAAAAAAAAAAA",
  "$where",
  "%00%0d%0aX: y",
  "\r\nSet-Cookie: a=b",
  "\u202e\u2028\ufeff",
  "🦆".repeat(40),
  "(".repeat(200),
  "a".repeat(5_000),
];
const odd = [
  "null",
  "true",
  "-0",
  "1e999",
  "9007199254740993",
  "-1",
  "0.1",
  "[]",
  "{}",
  '""',
  '"\\ud800"',
  '{"__proto__":{"admin":true}}',
  '{"a":1,"a":2}',
  '{"constructor":{"prototype":{"x":1}}}',
  `${"[".repeat(80)}${"]".repeat(80)}`,
  `${'{"a":'.repeat(5_000)}1`,
];

/** One whole request, or what its sender took for one. */
export function request(random: Random, around: Surroundings): Buffer {
  const body = bodyOf(random);
  const lines = [...headLines(random, around, body), "", ""];
  const bytes = Buffer.concat([Buffer.from(lines.join("\r\n"), "latin1"), body]);
  // Most are whole; some are cut, some have a byte changed, some are no requests.
  switch (random.below(40)) {
    case 0:
      return bytes.subarray(0, random.below(bytes.length));
    case 1: {
      const changed = Buffer.from(bytes);
      changed[random.below(changed.length)] = random.below(256);
      return changed;
    }
    case 2:
      return Buffer.from(Array.from({ length: random.below(400) }, () => random.below(256)));
    default:
      return bytes;
  }
}

function headLines(random: Random, { host, token, sessions }: Surroundings, body: Buffer): string[] {
  const method =
    random.below(8) === 0
      ? random.pick(["GET", "DELETE", "PUT", "OPTIONS", "HEAD", "TRACE", "get", "CONNECT"])
      : "POST";
  const path =
    random.below(10) === 0
      ? random.pick([
          "/",
          "/mcp/",
          "/mcp?x=1",
          "/healthz",
          "/readyz",
          "//mcp",
          "/../mcp",
          "*",
          "/%2e%2e/",
          "/.well-known/x",
          "http://evil/mcp",
        ])
      : "/mcp";
  const usually = (common: string, ...others: string[]): string =>
    random.below(12) === 0 ? random.pick(others) : common;
  const headers: [string, string][] = [
    ["host", usually(host, "evil.example", "", "localhost", "127.0.0.1:1")],
    ["accept", usually("application/json, text/event-stream", "*/*", "text/html", "", "application/json;q=0", ",,,")],
    [
      "content-type",
      usually("application/json", "text/plain", "application/json; charset=latin1", "", "multipart/form-data"),
    ],
    [
      "authorization",
      usually(`Bearer ${token}`, "Bearer", "Bearer x", "Basic eDp5", `Bearer ${"a".repeat(4_000)}`, `bearer  ${token}`),
    ],
    ["connection", "close"],
  ];
  if (random.below(3) > 0) headers.push(["mcp-protocol-version", random.pick(versions)]);
  if (random.below(2) === 0 && sessions.length > 0) headers.push(["mcp-session-id", random.pick(sessions)]);
  else if (random.below(6) === 0) headers.push(["mcp-session-id", latin(random.pick(texts))]);
  if (random.below(8) === 0)
    headers.push([
      "origin",
      random.pick(["http://evil.example", "null", "http://localhost", "", "http://127.0.0.1:3000"]),
    ]);
  if (random.below(8) === 0)
    headers.push(["last-event-id", latin(random.pick([...texts, "s_1", "s_99999999999999999999", "a_b_c"]))]);
  if (random.below(4) === 0) headers.push(["mcp-method", latin(random.pick(methods))]);
  if (random.below(6) === 0) headers.push(["mcp-name", latin(random.pick(tools))]);
  if (random.below(30) === 0) headers.push(["content-encoding", random.pick(["gzip", "identity", "br", ""])]);
  if (random.below(40) === 0) headers.push(["x-padding", "p".repeat(random.pick([100, 9_000, 20_000]))]);
  if (random.below(40) === 0) headers.push(["expect", "100-continue"]);
  // Usually as long as it says; sometimes longer, shorter, both ways at once, or nonsense.
  const length = usually(
    String(body.length),
    "0",
    String(body.length + 5),
    String(Math.max(0, body.length - 3)),
    "-1",
    "99999999999",
    "1e3",
  );
  if (random.below(25) > 0) headers.push(["content-length", length]);
  if (random.below(40) === 0)
    headers.push(["transfer-encoding", random.pick(["chunked", "gzip, chunked", "identity", "x"])]);
  return [`${method} ${path} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
}

function bodyOf(random: Random): Buffer {
  if (random.below(20) === 0) return Buffer.from(random.pick(odd));
  if (random.below(25) === 0)
    return Buffer.from(`[${Array.from({ length: random.pick([0, 1, 3, 101]) }, () => message(random)).join(",")}]`);
  const text = message(random);
  if (random.below(30) === 0) return Buffer.from(text.slice(0, random.below(text.length)));
  if (random.below(40) === 0) return Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text)]);
  return Buffer.from(text);
}

/** A message as text: JSON writers would mend what is meant to be odd. */
function message(random: Random): string {
  const method = random.below(3) === 0 ? "tools/call" : random.pick(methods);
  const members = [
    `"jsonrpc":${random.below(20) === 0 ? random.pick(odd) : '"2.0"'}`,
    `"method":${JSON.stringify(method)}`,
  ];
  if (random.below(5) > 0) members.push(`"id":${random.below(6) === 0 ? random.pick(odd) : random.below(1_000)}`);
  if (random.below(6) > 0)
    members.push(`"params":${random.below(8) === 0 ? random.pick(odd) : paramsOf(random, method)}`);
  if (random.below(30) === 0) members.push(`"result":${random.pick(odd)}`);
  return `{${members.join(",")}}`;
}

function paramsOf(random: Random, method: string): string {
  const meta =
    random.below(3) === 0
      ? ""
      : `,"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"f","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}`;
  if (method === "initialize") {
    return `{"protocolVersion":${JSON.stringify(random.pick(versions))},"capabilities":{},"clientInfo":{"name":"f","version":"1"}}`;
  }
  if (method !== "tools/call") return `{"uri":${value(random)},"level":${value(random)}${meta}}`;
  const names = [
    "session_id",
    "key",
    "value",
    "name",
    "by",
    "action",
    "details",
    "after",
    "limit",
    "workflow_id",
    "type",
    "__proto__",
  ];
  const args = Array.from({ length: random.below(5) }, () => `${JSON.stringify(random.pick(names))}:${value(random)}`);
  return `{"name":${JSON.stringify(random.pick(tools))},"arguments":{${args.join(",")}}${meta}}`;
}

function value(random: Random): string {
  return random.below(2) === 0 ? random.pick(odd) : JSON.stringify(random.pick(texts));
}

/** What a header can carry at all; line breaks stay in, to be refused. */
function latin(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}
