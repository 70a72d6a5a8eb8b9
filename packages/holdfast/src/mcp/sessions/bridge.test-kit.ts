/** Real HTTP around an endpoint, for tests: what a face does, without its guards. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";

import { holdfast } from "../../hold.ts";
import { localUser, type Principal } from "../../security/principal.ts";
import type { Hold, HoldOptions } from "../../state/hold.ts";
import { servingHold } from "../../state/open-hold.ts";
import type { Store } from "../../store/contract.ts";
import { memoryStore } from "../../stores/memory/index.ts";
import { EventBus } from "../bus/bus.ts";
import type { Inbound } from "../exchange.ts";
import { sendReply } from "../faces/node-send.ts";
import { makeSubscribable } from "../subscribable.ts";
import { SchemaCache } from "../tools/schemas.ts";
import { wrapTools } from "../tools/wrap.ts";
import { wrapReads } from "../wrap-reads.ts";
import {
  createSessionEndpoint,
  type InstanceContext,
  type SessionEndpoint,
  type SessionEndpointInit,
} from "./endpoint.ts";

export type Answer = {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly text: string;
  header(name: string): string | undefined;
  // Tests look into JSON of many shapes.
  json(): Record<string, never> & { readonly [key: string]: unknown };
};

export type Node = {
  readonly endpoint: SessionEndpoint;
  readonly bus: EventBus;
  readonly url: URL;
  readonly errors: unknown[];
  readonly instances: { made: number; closed: number };
  close(): Promise<void>;
};

export type NodeInit = {
  readonly hold: Hold;
  readonly build?: (server: McpServer, context: InstanceContext) => void;
  readonly options?: SessionEndpointInit["options"];
  readonly slots?: SessionEndpointInit["slots"];
};

/** The principal named by the header `x-user`, with the client of `x-client`; else the local user. */
function principalOf(request: IncomingMessage): Principal {
  const user = request.headers["x-user"];
  const client = request.headers["x-client"];
  const clientId = typeof client === "string" ? client : undefined;
  return typeof user === "string"
    ? { issuer: "test", subject: user, scopes: [], clientId }
    : { ...localUser, clientId };
}

export async function startNode({ hold, build = registerTools, options, slots }: NodeInit): Promise<Node> {
  const errors: unknown[] = [];
  const instances = { made: 0, closed: 0 };
  const schemas = new SchemaCache();
  const bus = new EventBus(servingHold(hold).store, (error) => errors.push(error));
  const endpoint = createSessionEndpoint({
    hold: servingHold(hold),
    news: bus,
    slots,
    options: { onError: (error) => errors.push(error), ...options },
    instance: (context) => {
      const server = new McpServer({ name: "test", version: "1.0.0" }, { capabilities: { logging: {}, tools: {} } });
      instances.made += 1;
      server.server.onclose = () => {
        instances.closed += 1;
      };
      const onError = (error: unknown): void => void errors.push(error);
      wrapTools(server, {
        schemas,
        within: (_, fn) => fn(),
        onCall: () => () => undefined,
        onError,
        parks: context.parks,
        once: (_call, { run }) => run(),
      });
      wrapReads(server, { onError, parks: context.parks });
      build(server, context);
      makeSubscribable(server, { era: "2025", kept: context.session !== undefined });
      return server;
    },
  });
  const http = createServer((request, response) => {
    serve(endpoint, request, response).catch((error: unknown) => {
      errors.push(error);
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  return {
    endpoint,
    bus,
    errors,
    instances,
    url: new URL(`http://127.0.0.1:${portOf(http)}/mcp`),
    close: async () => {
      await endpoint.close();
      await bus.close();
      http.closeAllConnections();
      await new Promise<void>((resolve) => http.close(() => resolve()));
    },
  };
}

/** A hold, and the store it uses. */
export type TestHold = Hold & { readonly store: Store; readonly closeAll: () => Promise<void> };

export async function openHold(
  store?: Store,
  options: Pick<HoldOptions, "sessions" | "limits"> = {},
): Promise<TestHold> {
  const own = store ?? (await memoryStore());
  const hold = await holdfast({ store: own, reap: false, ...options });
  return Object.assign(hold, {
    store: servingHold(hold).store,
    closeAll: async () => {
      await hold.close();
      if (store === undefined) await own.close();
    },
  });
}

/** A real store, with a look at every operation before it is carried out. An error that the look gives, the operation throws. */
export function through(store: Store, look: (operation: keyof Store) => Error | undefined): Store {
  return new Proxy(store, {
    get: (target, name: keyof Store) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...given: unknown[]) => {
        const carryOut = (): unknown => Reflect.apply(value, target, given);
        const refusal = look(name);
        return refusal === undefined ? carryOut() : Promise.reject(refusal);
      };
    },
  });
}

function portOf(http: Server): number {
  return (http.address() as AddressInfo).port;
}

async function serve(endpoint: SessionEndpoint, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const gone = new AbortController();
  response.once("close", () => {
    if (!response.writableFinished) gone.abort();
  });
  const inbound: Inbound = {
    method: request.method as Inbound["method"],
    header: (name) => {
      const value = request.headers[name];
      return typeof value === "string" ? value : undefined;
    },
    principal: principalOf(request),
    body: text === "" ? undefined : JSON.parse(text),
    signal: gone.signal,
    request: () => new Request("http://127.0.0.1/mcp", { headers: { "x-seen": "yes" } }),
  };
  sendReply(await endpoint.handle(inbound), request, response);
}

/** The tools most tests use. */
export function registerTools(server: McpServer, { session }: InstanceContext): void {
  server.registerTool("count", {}, async () => {
    const { value } = (await session?.increment("calls")) ?? { value: 0 };
    return { content: [{ type: "text", text: String(value) }] };
  });
  server.registerTool("echo", { inputSchema: z.object({ text: z.string() }) }, ({ text }) => ({
    content: [{ type: "text", text }],
  }));
  server.registerTool(
    "steps",
    { inputSchema: z.object({ n: z.number(), waitMs: z.number().optional() }) },
    async ({ n, waitMs }, ctx) => {
      for (let step = 1; step <= n; step += 1) {
        await ctx.mcpReq.notify({
          method: "notifications/message",
          params: { level: "info", data: `step ${step}` },
        });
        if (waitMs !== undefined) await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
      return { content: [{ type: "text", text: `done ${n}` }] };
    },
  );
  server.registerTool("ask", { inputSchema: z.object({ question: z.string() }) }, async ({ question }, ctx) => {
    // oxlint-disable-next-line typescript/no-deprecated -- what 2025-era servers do
    const answer = await ctx.mcpReq.elicitInput({
      message: question,
      requestedSchema: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
    });
    return { content: [{ type: "text", text: `${question}: ${JSON.stringify(answer)}` }] };
  });
  server.registerTool("end", {}, async () => {
    await session?.end();
    return { content: [{ type: "text", text: "ended" }] };
  });
  server.registerTool("announce", {}, async () => {
    await server.server.sendToolListChanged();
    return { content: [{ type: "text", text: "announced" }] };
  });
  server.registerTool("poll", {}, async (ctx) => {
    ctx.http?.closeSSE?.();
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { content: [{ type: "text", text: "polled" }] };
  });
}

export const acceptBoth = "application/json, text/event-stream";
const version = "2025-11-25";

export type Init = { readonly headers?: Readonly<Record<string, string>>; readonly signal?: AbortSignal };

/** One exchange, read whole. Hop-by-hop headers and the date aside. */
export async function call(
  node: Node,
  method: string,
  body?: unknown,
  { headers = {}, signal }: Init = {},
): Promise<Answer> {
  const response = await fetch(node.url, {
    method,
    headers: { accept: acceptBoth, "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: [...response.headers].filter(([name]) => name !== "date"),
    text,
    header: (name) => response.headers.get(name) ?? undefined,
    // Whatever it is, tests compare it.
    json: () => JSON.parse(text) as ReturnType<Answer["json"]>,
  };
}

export function initializeRequest(
  protocolVersion: string = version,
  capabilities: object = { elicitation: { form: {} } },
): object {
  const params = { protocolVersion, capabilities, clientInfo: { name: "raw", version: "1" } };
  return { jsonrpc: "2.0", id: 0, method: "initialize", params };
}

/** Opens a session by hand; gives the headers that name it. */
export async function open(
  node: Node,
  {
    headers = {},
    protocolVersion = version,
  }: { headers?: Readonly<Record<string, string>>; protocolVersion?: string } = {},
): Promise<Record<string, string>> {
  const answer = await call(node, "POST", initializeRequest(protocolVersion), { headers });
  const id = answer.header("mcp-session-id");
  if (id === undefined) throw new Error(`no session: ${answer.status} ${answer.text}`);
  const named = { ...headers, "mcp-session-id": id, "mcp-protocol-version": protocolVersion };
  await call(node, "POST", { jsonrpc: "2.0", method: "notifications/initialized" }, { headers: named });
  return named;
}

export function toolCall(id: string | number, name: string, args: object = {}): object {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } };
}

export type SseEvent = { readonly id?: string; readonly data: string; readonly retry?: string };

export function parseEvents(text: string): readonly SseEvent[] {
  return text
    .split("\n\n")
    .filter((block) => block !== "" && !block.startsWith(":"))
    .map((block) => {
      const fields = new Map(
        block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
      );
      const id = fields.get("id");
      const retry = fields.get("retry");
      return { data: fields.get("data") ?? "", ...(id !== undefined && { id }), ...(retry !== undefined && { retry }) };
    });
}

export type OpenStream = {
  readonly status: number;
  readonly events: SseEvent[];
  /** Resolves with the events once there are so many; rejects after the deadline or the end of the stream. */
  until(count: number, deadlineMs?: number): Promise<readonly SseEvent[]>;
  readonly ended: Promise<void>;
  drop(): void;
};

/** A stream that is read as it comes. */
export async function stream(
  node: Node,
  method: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<OpenStream> {
  const abort = new AbortController();
  const response = await fetch(node.url, {
    method,
    signal: abort.signal,
    headers: { accept: acceptBoth, "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const events: SseEvent[] = [];
  let over = false;
  const read = async (): Promise<void> => {
    let text = "";
    const decoder = new TextDecoder();
    try {
      for await (const chunk of response.body ?? []) {
        // The body of a fetch is bytes.
        text += decoder.decode(chunk as Uint8Array, { stream: true });
        const end = text.lastIndexOf("\n\n");
        if (end < 0) continue;
        events.push(...parseEvents(text.slice(0, end + 2)));
        text = text.slice(end + 2);
      }
    } catch {
      // Dropped.
    } finally {
      over = true;
    }
  };
  const ended = read();
  return {
    status: response.status,
    events,
    ended,
    drop: () => abort.abort(),
    until: async (count, deadlineMs = 5_000) => {
      const stop = Date.now() + deadlineMs;
      while (events.length < count) {
        if (over || Date.now() > stop)
          throw new Error(`${events.length} of ${count} events: ${JSON.stringify(events)}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return events;
    },
  };
}

/** Polls until something is true. */
export async function eventually(what: () => boolean | Promise<boolean>, deadlineMs = 5_000): Promise<void> {
  const stop = Date.now() + deadlineMs;
  while (!(await what())) {
    if (Date.now() > stop) throw new Error(`not true within ${deadlineMs} ms: ${what.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
