/** Requests whose envelope is right, so that what is odd about them gets as far as tools and stores. */
import type { Random } from "../lib/random.ts";
import type { Surroundings } from "./grammar.ts";

/** Arguments of tools, by what they have to be; odd values take their places at times. */
const tools: Readonly<Record<string, Readonly<Record<string, readonly unknown[]>>>> = {
  set_session_data: { key: ["key", "k2"], value: [1, "text", { a: [null] }] },
  get_session_data: { key: ["key", "nothing"] },
  delete_session_data: { key: ["key", "k2"] },
  record_action: { action: ["noted"], details: [{ a: 1 }, "x"], idempotency_key: ["once", "twice"] },
  get_context: { max_turns: [1, 50] },
  set_preference: { key: ["theme"], value: ["dark", null] },
  increment_counter: { name: ["n"], by: [1, -1] },
  list_sessions: { limit: [1, 100], after: ["AAAAAAAAAAAAAAAAAAAAAA"] },
  list_session_keys: {},
  store_sensitive_data: { key: ["s"], value: ["secret"] },
  retrieve_sensitive_data: { key: ["s"] },
  start_workflow: { name: ["release"], steps: [["a", "b"], []] },
  get_workflow_state: { workflow_id: ["wfl_AAAAAAAAAAAAAAAAAAAAAA"], at_position: [1] },
  get_workflow_history: { workflow_id: ["wfl_AAAAAAAAAAAAAAAAAAAAAA"], limit: [1, 500], after: [0] },
  acquire_lock: { name: ["l"], ttl_ms: [1_000] },
  release_lock: { name: ["l"], token: [1] },
  join_channel: { channel: ["c"] },
  broadcast: { channel: ["c"], message: [{ a: 1 }] },
  read_channel: { channel: ["c"], after: [0], limit: [1] },
  create_session: { label: ["l"], metadata: [{ a: 1 }] },
  server_stats: {},
};
const oddities: readonly unknown[] = [
  null,
  true,
  -0,
  -1,
  0.5,
  1e308,
  2 ** 53,
  [],
  {},
  "",
  "\u0000",
  "\ud800",
  "__proto__",
  "../../etc/passwd",
  "'; DROP TABLE records; --",
  "%00%0d%0aX: y",
  "\r\nSet-Cookie: a=b",
  "\u202e\u2028\ufeff",
  "x".repeat(129),
  "🦆".repeat(2_000),
  "(a+)+$".repeat(50),
  Object.fromEntries([["__proto__", { admin: true }]]),
  Array.from({ length: 300 }, (_, n) => ({ [`k${n}`]: n })),
];
const latest = "2025-11-25";
const modern = "2026-07-28";

export function soundRequest(random: Random, { host, token, sessions }: Surroundings): Buffer {
  if (random.below(sessions.length < 5 ? 6 : 60) === 0) return initialize(host, token);
  const session = sessions.length > 0 && random.below(2) === 0 ? random.pick(sessions) : undefined;
  const method = random.pick(["tools/call", "tools/call", "tools/call", "tools/list", "resources/read", "ping"]);
  const tool = random.pick(Object.keys(tools));
  const params: Record<string, unknown> =
    method === "tools/call"
      ? { name: tool, arguments: argumentsOf(random, tool, sessions) }
      : method === "resources/read"
        ? { uri: random.pick(["session://", "workflow://", "channel://"]) + handleOf(random, sessions) }
        : {};
  if (session === undefined) {
    params["_meta"] = {
      "io.modelcontextprotocol/protocolVersion": modern,
      "io.modelcontextprotocol/clientInfo": { name: "f", version: "1" },
      "io.modelcontextprotocol/clientCapabilities": {},
    };
  }
  const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: random.below(1_000), method, params }));
  const name = method === "tools/call" ? tool : method === "resources/read" ? String(params["uri"]) : undefined;
  const era =
    session === undefined
      ? [
          `mcp-protocol-version: ${modern}`,
          `mcp-method: ${method}`,
          ...(name === undefined ? [] : [`mcp-name: ${name}`]),
        ]
      : [`mcp-protocol-version: ${latest}`, `mcp-session-id: ${session}`];
  return whole(host, token, era, body);
}

function initialize(host: string, token: string): Buffer {
  const params = { protocolVersion: latest, capabilities: {}, clientInfo: { name: "f", version: "1" } };
  return whole(host, token, [], Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 0, method: "initialize", params })));
}

function whole(host: string, token: string, era: readonly string[], body: Buffer): Buffer {
  const head = [
    "POST /mcp HTTP/1.1",
    `host: ${host}`,
    "accept: application/json, text/event-stream",
    "content-type: application/json",
    `authorization: Bearer ${token}`,
    "connection: close",
    ...era,
    `content-length: ${body.length}`,
  ];
  return Buffer.concat([Buffer.from([...head, "", ""].join("\r\n"), "latin1"), body]);
}

function argumentsOf(random: Random, tool: string, sessions: readonly string[]): Record<string, unknown> {
  const usual = Object.entries(tools[tool] ?? {}).map(([name, values]) => [name, random.pick(values)] as const);
  const given: (readonly [string, unknown])[] = usual.filter(() => random.below(8) > 0);
  if (random.below(4) > 0) given.push(["session_id", handleOf(random, sessions)]);
  const odd = random.below(3) === 0;
  const at = random.below(given.length + 1);
  if (odd && at < given.length) given[at] = [given[at]?.[0] ?? "", random.pick(oddities)];
  else if (odd) given.push([random.pick(["__proto__", "constructor", "extra", "toString"]), random.pick(oddities)]);
  // Properties are defined, so that one called "__proto__" is sent like any other.
  return Object.fromEntries(given);
}

/** One of its own, mostly: the handle is the part of a wire id before the dot. */
function handleOf(random: Random, sessions: readonly string[]): string {
  if (sessions.length === 0 || random.below(6) === 0)
    return random.pick(["ses_AAAAAAAAAAAAAAAAAAAAAA", "", "x.y", "ses_"]);
  return random.pick(sessions).split(".")[0] ?? "";
}
