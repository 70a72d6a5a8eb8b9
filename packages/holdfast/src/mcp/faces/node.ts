/** The `node:http` face: one request of a plain server, of Express, or of anything else that hands both objects over. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { ConnectionRegistry } from "../connections.ts";
import { unavailable } from "../http/answers.ts";
import type { Arrival, Gate, Outcome } from "../http/gate.ts";
import type { NodeListener } from "../types.ts";
import { lazyRequest } from "./lazy-request.ts";
import { readBody } from "./node-body.ts";
import { sendReply, sendResponse } from "./node-send.ts";
import { SocketEnds } from "./socket-end.ts";
import { Turns } from "./turns.ts";

export type NodeFaceInit = {
  readonly gate: Gate;
  readonly connections: ConnectionRegistry;
  /** A reader of a stream that takes nothing for so long is disconnected. */
  readonly silentMs: number;
  readonly onError: (error: unknown) => void;
};

export function nodeFace(init: NodeFaceInit): NodeListener {
  const ends = new SocketEnds();
  const turns = new Turns();
  return (request, response, parsedBody) => {
    serve(init, { ends, turns }, request, response, parsedBody).catch((error: unknown) => {
      init.onError(error);
      response.destroy();
    });
  };
}

async function serve(
  { gate, connections, silentMs }: NodeFaceInit,
  { ends, turns }: { readonly ends: SocketEnds; readonly turns: Turns },
  request: IncomingMessage,
  response: ServerResponse,
  parsedBody: unknown,
): Promise<void> {
  // Whoever called us may have taken its time: of a connection that is gone nothing more would be heard.
  const { socket } = request;
  if (response.closed || socket.destroyed) return;
  // Streams of HTTP/2 share a connection and wait for nobody.
  const turn = request.httpVersionMajor === 1 ? turns.take(socket) : undefined;
  if (turn === "too many") return void socket.destroy();
  if (turn !== undefined) {
    await turn;
    if (socket.destroyed) return;
  }
  if (!connections.openSocket(socket)) {
    turns.done(socket);
    const busy = unavailable();
    return sendReply({ ...busy, headers: { ...busy.headers, connection: "close" } }, request, response);
  }
  const gone = new AbortController();
  let finished: Outcome["finished"] = () => undefined;
  let closed = false;
  const over = (): void => {
    if (closed) return;
    closed = true;
    forget();
    turns.done(socket);
    finished();
    // After a complete answer nobody needs to hear of it, and an abort reason is costly to make.
    if (!response.writableFinished) gone.abort();
  };
  const forget = ends.when(socket, over);
  response.once("close", over);
  const outcome = await gate.handle(arrivalOf(request, gone.signal, parsedBody));
  finished = outcome.finished;
  if (closed) finished();
  const { answer } = outcome;
  if (!(answer instanceof Response)) return sendReply(answer, request, response);
  await sendResponse(answer, response, { gone: gone.signal, silentMs });
}

function arrivalOf(request: IncomingMessage, signal: AbortSignal, given: unknown): Arrival {
  const parsed = parsedBodyOf(request, given);
  let text: string | undefined;
  return {
    method: request.method ?? "GET",
    url: request.url ?? "/",
    header: (name) => headerOf(request, name),
    signal,
    address: request.socket.remoteAddress,
    fromThisMachine: isLoopback(request.socket),
    connection: connectionOf(request.socket),
    parsed,
    readBody: async (maxBytes, hasRoom) => {
      const read = await readBody(request, maxBytes, hasRoom);
      if (typeof read === "object") text = read.text;
      return read;
    },
    request: () =>
      lazyRequest({
        message: request,
        url: urlOf(request),
        signal,
        body: () => (parsed === undefined ? text : JSON.stringify(parsed.body)),
      }),
  };
}

/** What a framework has made of the body. A text or bytes are no parsed body: they are read like one of ours. */
function parsedBodyOf(request: IncomingMessage, given: unknown): { readonly body: unknown } | undefined {
  // Routers such as Express pass `next` where others pass a body.
  const body = given === undefined || typeof given === "function" ? bodyProperty(request) : given;
  if (body === undefined) return undefined;
  if (typeof body !== "string" && !(body instanceof Uint8Array)) return { body };
  try {
    const parsed: unknown = JSON.parse(typeof body === "string" ? body : Buffer.from(body).toString("utf8"));
    return { body: parsed };
  } catch {
    return undefined;
  }
}

function bodyProperty(request: IncomingMessage): unknown {
  return "body" in request ? request.body : undefined;
}

/** Of these Node keeps the first and drops the others; a proxy in front of us may have looked at the last. */
const keptOnce: ReadonlySet<string> = new Set(["authorization", "content-type", "host"]);

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  if (value === undefined) return undefined;
  if (typeof value !== "string") return value.join(", ");
  return keptOnce.has(name) ? allOf(request.rawHeaders, name, value) : value;
}

/** Repeated ones joined as HTTP says: what is joined names no host and no token, and so is refused. */
function allOf(raw: readonly string[], name: string, only: string): string {
  let joined: string | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const given = raw[index];
    if (given?.length !== name.length || given.toLowerCase() !== name) continue;
    joined = joined === undefined ? (raw[index + 1] ?? "") : `${joined}, ${raw[index + 1] ?? ""}`;
  }
  return joined ?? only;
}

/** Sockets without an address are local ones (a pipe, a Unix domain socket). */
function isLoopback(socket: Socket): boolean {
  const address = socket.remoteAddress;
  return address === undefined || address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
}

/** Unique among those that are open: a port of the other side belongs to one connection. */
function connectionOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remotePort === undefined ? undefined : `${remoteAddress ?? ""}:${remotePort}`;
}

function urlOf(request: IncomingMessage): string {
  const scheme = "encrypted" in request.socket && request.socket.encrypted === true ? "https" : "http";
  // The host was checked, unless checks are off: then anything may stand there.
  const url = `${scheme}://${request.headers.host ?? "localhost"}${request.url ?? "/"}`;
  return URL.canParse(url) ? url : `${scheme}://localhost/`;
}
