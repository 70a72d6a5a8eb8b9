/** A 2025-era session without a client library: every request goes where the test wants, every event is seen. */

export type SseEvent = { readonly id: string; readonly data: string };
type Headers = Readonly<Record<string, string>>;

export type RawSession = {
  readonly headers: Headers;
  /** Calls a tool at one node (or a balancer). The answer is JSON or a stream. */
  call(url: string, id: number, tool: string, args?: Readonly<Record<string, unknown>>): Promise<Response>;
  /** Sends any message, or a batch of them. */
  send(url: string, body: unknown): Promise<Response>;
  /** Opens the session's own stream, or goes on with any. */
  resume(url: string, lastEventId?: string): Promise<Response>;
};

function send(url: string, method: string, headers: Headers, body?: unknown): Promise<Response> {
  return fetch(url, {
    method,
    headers: { accept: "application/json, text/event-stream", "content-type": "application/json", ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
}

export async function openRawSession(
  url: string,
  extra: Headers = {},
  { version = "2025-11-25", capabilities = {} }: { readonly version?: string; readonly capabilities?: object } = {},
): Promise<RawSession> {
  const params = { protocolVersion: version, capabilities, clientInfo: { name: "raw", version: "1" } };
  const answer = await send(url, "POST", extra, { jsonrpc: "2.0", id: 0, method: "initialize", params });
  await answer.body?.cancel();
  const headers = {
    ...extra,
    "mcp-session-id": answer.headers.get("mcp-session-id") ?? "",
    "mcp-protocol-version": version,
  };
  await send(url, "POST", headers, { jsonrpc: "2.0", method: "notifications/initialized" });
  return rawSession(headers);
}

/** A session that is there already, by the headers that name it and its client. */
export function rawSession(headers: Headers): RawSession {
  return {
    headers,
    call: (to, id, name, args = {}) =>
      send(to, "POST", headers, { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } }),
    send: (to, body) => send(to, "POST", headers, body),
    resume: (to, lastEventId) =>
      send(to, "GET", { ...headers, ...(lastEventId !== undefined && { "last-event-id": lastEventId }) }),
  };
}

/** What comes until there is enough of it, or the stream is over; then the connection is dropped. */
export async function readUntil(
  response: Response,
  enough: (events: readonly SseEvent[]) => boolean,
): Promise<readonly SseEvent[]> {
  const seen: SseEvent[] = [];
  return readEvents(response, (event) => {
    seen.push(event);
    // The reader takes whatever is thrown for having had enough, and lets go of the connection.
    if (enough(seen)) throw new Error("enough");
  });
}

/** Every event of a stream until it ends or breaks; `onEvent` hears of each as it comes. */
export async function readEvents(
  response: Response,
  onEvent: (event: SseEvent) => void = () => {},
): Promise<readonly SseEvent[]> {
  const events: SseEvent[] = [];
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of response.body ?? []) {
      // The body of a fetch is bytes.
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        if (block.startsWith(":")) continue;
        const field = (name: string): string => new RegExp(`^${name}: ?(.*)$`, "m").exec(block)?.[1] ?? "";
        const event = { id: field("id"), data: field("data") };
        events.push(event);
        onEvent(event);
      }
    }
  } catch {
    // The process is gone, or the reader has had enough.
  }
  return events;
}

/** The data of the log messages among events, in order. */
export function logsIn(events: readonly SseEvent[]): readonly unknown[] {
  return events
    .filter(({ data }) => data.includes('"notifications/message"'))
    .map(({ data }) => (JSON.parse(data) as { params: { data: unknown } }).params.data);
}
