/**
 * A round-robin load balancer: every request goes to the next node, whoever sends it. It knows nothing of sessions.
 *
 * - Bodies of answers are passed through as they come; one that breaks off breaks off for the client too (a reset).
 * - A node that refuses the connection is skipped, and so is one that answers 503: neither has begun anything. For a
 *   moment afterwards it is asked only where nobody else is left.
 * - A request whose node is lost in the middle of it is not sent to another one: it may have been carried out. A GET is,
 *   as nginx does by itself, as long as nothing of its answer has come: it carries nothing out.
 * - 502 when no node takes a request.
 */
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Picks the index of the node that is asked first; those after it are asked if it takes nothing. */
export type Choose = (request: IncomingMessage, candidates: readonly number[]) => number;

export interface Balancer extends AsyncDisposable {
  readonly origin: string;
  /** How many requests each node has answered. */
  readonly served: readonly number[];
  /** As a health check does with a node that hangs: no new request goes there, and those that are there are cut off. */
  takeOut(node: number): void;
  /** It takes requests again, at once. */
  putBack(node: number): void;
  /** Until called with undefined, decides instead of the rotation. */
  choose(by: Choose | undefined): void;
}

type Taken = { readonly answer: IncomingMessage } | "refused" | "broken";

const unavailable = 503;
/** How long a node that took nothing is left alone. */
const restMs = 500;

export async function startBalancer(origins: readonly string[]): Promise<Balancer> {
  const out = new Set<number>();
  const served = origins.map(() => 0);
  const restsUntil = origins.map(() => 0);
  const underWay = origins.map(() => new Set<() => void>());
  let turn = 0;
  let chosen: Choose | undefined;

  /** Every node that is not out: the one whose turn it is first, those that rest last. */
  const order = (request: IncomingMessage): readonly number[] => {
    const now = performance.now();
    const candidates = origins.map((_, index) => index).filter((index) => !out.has(index));
    const resting = candidates.filter((index) => (restsUntil[index] ?? 0) > now);
    const awake = candidates.filter((index) => !resting.includes(index));
    const first = chosen?.(request, candidates);
    if (first !== undefined) return [first, ...candidates.filter((index) => index !== first)];
    const at = turn++ % Math.max(awake.length, 1);
    return [...awake.slice(at), ...awake.slice(0, at), ...resting];
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    let last: IncomingMessage | undefined;
    for (const node of order(request)) {
      const cut = (): void => reset(response);
      underWay[node]?.add(cut);
      response.once("close", () => underWay[node]?.delete(cut));
      const taken = await ask(origins[node] ?? "", request, body, gone.signal);
      if (gone.signal.aborted) return;
      if (taken === "broken" && request.method !== "GET") return reset(response);
      if (typeof taken !== "string") {
        last?.destroy();
        last = taken.answer;
      }
      if (typeof taken === "string" || taken.answer.statusCode === unavailable) {
        restsUntil[node] = performance.now() + restMs;
        continue;
      }
      served[node] = (served[node] ?? 0) + 1;
      break;
    }
    if (last === undefined) response.writeHead(502, { "content-type": "text/plain" }).end("no node takes requests\n");
    else passOn(last, response);
  };

  const server = createServer((request, response) => {
    handle(request, response).catch(() => reset(response));
  });
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A server that listens on TCP has an address of this form.
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    served,
    takeOut: (node) => {
      out.add(node);
      for (const cut of underWay[node] ?? []) cut();
    },
    putBack: (node) => {
      out.delete(node);
      restsUntil[node] = 0;
    },
    choose: (by) => {
      chosen = by;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  // Without an encoding set, a request's chunks are buffers.
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** One node's answer; "refused" where it certainly did nothing. */
function ask(origin: string, from: IncomingMessage, body: Buffer, signal: AbortSignal): Promise<Taken> {
  return new Promise((resolve) => {
    let connected = false;
    const { connection: _, ...headers } = from.headers;
    const outgoing = httpRequest(origin + (from.url ?? "/"), {
      // No connection is used twice, so that one that was just closed is no error of the node's.
      agent: false,
      method: from.method ?? "GET",
      headers: { ...headers, connection: "close" },
      signal,
    });
    outgoing.once("socket", (socket) => socket.once("connect", () => (connected = true)));
    outgoing.once("response", (answer) => resolve({ answer }));
    outgoing.on("error", () => resolve(connected ? "broken" : "refused"));
    outgoing.end(body);
  });
}

/** What belongs to one connection and not to the message. */
const hopHeaders: ReadonlySet<string> = new Set(["connection", "keep-alive", "transfer-encoding"]);

function passOn(answer: IncomingMessage, response: ServerResponse): void {
  const headers: string[] = [];
  for (let index = 0; index < answer.rawHeaders.length; index += 2) {
    const name = answer.rawHeaders[index] ?? "";
    if (!hopHeaders.has(name.toLowerCase())) headers.push(name, answer.rawHeaders[index + 1] ?? "");
  }
  response.writeHead(answer.statusCode ?? 502, headers);
  response.flushHeaders();
  response.once("close", () => answer.destroy());
  answer.on("data", (part: Buffer) => {
    // What a slow client has not taken yet is not read from the node either.
    if (!response.write(part)) answer.pause();
  });
  response.on("drain", () => answer.resume());
  answer.once("end", () => response.end());
  answer.once("error", () => reset(response));
  answer.once("close", () => {
    if (!answer.complete) reset(response);
  });
}

function reset(response: ServerResponse): void {
  if (!response.writableEnded) response.socket?.resetAndDestroy();
}
