/** Asking a served app as a 2025-era client does, and reading what it answered. */
import type { App } from "./types.ts";

let ids = 0;

/** Sends a request, or a notification, in a session if one is named. */
export function ask(app: App, method: string, params: unknown, session?: string): Promise<Response> {
  const id = method.startsWith("notifications/") ? {} : { id: ++ids };
  return app(
    new Request("http://localhost/mcp", {
      method: "POST",
      headers: {
        accept: "application/json, text/event-stream",
        "content-type": "application/json",
        ...(session && { "mcp-session-id": session, "mcp-protocol-version": "2025-11-25" }),
      },
      body: JSON.stringify({ jsonrpc: "2.0", ...id, method, params }),
    }),
  );
}

/** Begins a session, and answers its id. */
export async function begin(app: App, capabilities: object = {}): Promise<string> {
  const clientInfo = { name: "c", version: "1" };
  const answer = await ask(app, "initialize", { protocolVersion: "2025-11-25", capabilities, clientInfo });
  await answer.text();
  const session = answer.headers.get("mcp-session-id") ?? "";
  await (await ask(app, "notifications/initialized", undefined, session)).text();
  return session;
}

/** Reads a stream until some text has come, then lets go of it. */
export async function textUntil({ body }: Response, wanted: string): Promise<string> {
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes(wanted)) {
    const part = await reader?.read();
    if (part === undefined || part.done) throw new Error(`ended without: ${text}`);
    text += part.value;
  }
  await reader?.cancel();
  return text;
}

/** An answer as comparable facts: the date aside, everything a client can see. */
export async function answerOf(response: Response): Promise<{ status: number; headers: string[]; body: string }> {
  const headers = [...response.headers].map(([name, value]) => `${name}: ${name === "date" ? "" : value}`);
  return { status: response.status, headers, body: await response.text() };
}
