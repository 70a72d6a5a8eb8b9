/** The web-standard face: a function from request to response, for Hono, Next and every runtime that speaks fetch. */
import type { ConnectionRegistry, Release } from "../connections.ts";
import type { Reply, StreamBody } from "../exchange.ts";
import { unavailable } from "../http/answers.ts";
import { endable, isEventStream } from "../http/endable.ts";
import type { Arrival, BodyRead, Gate } from "../http/gate.ts";
import type { FetchOptions } from "../types.ts";
import { boundUnread } from "./unread.ts";

const bufferedBytes = 64 * 1024;

export function fetchFace(
  gate: Gate,
  connections: ConnectionRegistry,
): (request: Request, options?: FetchOptions) => Promise<Response> {
  return async (request, options) => {
    const release = connections.open();
    if (release === undefined) return responseOf(unavailable(), () => undefined);
    const { answer, finished } = await gate.handle(arrivalOf(request, options));
    const done = (): void => {
      finished();
      release();
    };
    if (!(answer instanceof Response)) return responseOf(answer, done);
    return tracked(answer, done);
  };
}

function arrivalOf(request: Request, options: FetchOptions | undefined): Arrival {
  const parsed = options?.parsedBody === undefined ? undefined : { body: options.parsedBody };
  return {
    method: request.method,
    url: request.url,
    header: (name) => request.headers.get(name) ?? (name === "host" ? new URL(request.url).host : undefined),
    signal: request.signal,
    // Nothing is known of the connection; whoever accepts it decides whom it listens to.
    fromThisMachine: true,
    principal: options?.principal,
    parsed,
    readBody: (maxBytes, hasRoom) => readBody(request, maxBytes, hasRoom),
    request: () => request,
  };
}

async function readBody(request: Request, maxBytes: number, hasRoom: (bytes: number) => boolean): Promise<BodyRead> {
  if (request.bodyUsed || request.body === null) return { text: "" };
  // The bytes of a request are bytes, though the type of the web's streams does not say so.
  const reader: ReadableStreamDefaultReader<Uint8Array> = request.body.getReader();
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  let size = 0;
  let text = "";
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.byteLength;
      if (size > maxBytes || !hasRoom(part.value.byteLength)) {
        reader.cancel().catch(() => undefined);
        return size > maxBytes ? "too large" : "no room";
      }
      const decoded = decode(decoder, part.value);
      if (decoded === undefined) {
        reader.cancel().catch(() => undefined);
        return "not text";
      }
      text += decoded;
    }
  } catch {
    return "gone";
  }
  const rest = decode(decoder, undefined);
  return rest === undefined ? "not text" : { text: text + rest };
}

/** The next part, or without one what was left of a character; undefined where the bytes are no UTF-8. */
function decode(decoder: InstanceType<typeof TextDecoder>, part: Uint8Array | undefined): string | undefined {
  try {
    return decoder.decode(part, { stream: part !== undefined });
  } catch {
    return undefined;
  }
}

function responseOf(reply: Reply, done: Release): Response {
  const { status, headers, body } = reply;
  if (body !== undefined && typeof body !== "string") {
    return new Response(readableOf(body, done), { status, headers });
  }
  done();
  // Some statuses must not have a body, an empty one included.
  return new Response(body === "" || body === undefined ? null : body, { status, headers });
}

function readableOf(body: StreamBody, done: Release): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let stop: () => void = () => undefined;
  let ended = false;
  const finish = (): void => {
    if (ended) return;
    ended = true;
    stop();
    done();
  };
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const buffered = (): number => bufferedBytes - (controller.desiredSize ?? bufferedBytes);
        const stopBody = body.start({
          write: (chunk) => {
            if (ended) return false;
            controller.enqueue(encoder.encode(chunk));
            return buffered() < bufferedBytes;
          },
          get buffered() {
            return buffered();
          },
          end: () => {
            if (ended) return;
            controller.close();
            finish();
          },
        });
        // A body that ended while it was being started has not told us yet how to stop it.
        if (ended) stopBody();
        else stop = stopBody;
      },
      cancel: finish,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: bufferedBytes }),
  );
}

/** The SDK's answer, with a bound on what waits for its reader, and a note made of when it is over. */
function tracked(answer: Response, done: Release): Response {
  if (!isEventStream(answer)) {
    done();
    return answer;
  }
  const { status, headers } = answer;
  return endable(new Response(boundUnread(answer.body), { status, headers }), () => done);
}
