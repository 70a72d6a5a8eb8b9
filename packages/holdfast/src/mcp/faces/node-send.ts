/** Writes answers to a `node:http` response. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Reply, StreamBody, StreamSink } from "../exchange.ts";
import { maxUnreadBytes } from "./unread.ts";

/** How long a client may take nothing of an answer that is complete before its connection is closed. */
const takingMs = 30_000;
/** How long and how much is read and thrown away so that a client that is still sending gets to see its refusal. */
const lingerMs = 500;
const lingerBytes = 32 * 1024 * 1024;

export function sendReply(reply: Reply, request: IncomingMessage, response: ServerResponse): void {
  const { status, headers, body } = reply;
  const stream = typeof body === "string" ? undefined : body;
  if (response.destroyed || response.headersSent) return stream?.start(nobody)();
  if (stream !== undefined) return sendStream(status, headers, stream, response);
  const text = typeof body === "string" ? body : "";
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(text) });
  if (headers["connection"] === "close" && !request.complete) return lingerAndEnd(text, request, response);
  end(response, text);
}

/** Ends an answer. A client that does not read on keeps neither it nor its socket for ever. */
function end(response: ServerResponse, text?: string): void {
  response.end(text);
  if (response.writableLength > 0) closeWhenSilent(response, takingMs);
}

/** By the socket's own measure, which tells a reader that takes little from one that takes nothing. */
function closeWhenSilent(response: ServerResponse, ms: number): void {
  const { socket } = response;
  response.setTimeout(ms, () => {
    // A stream on which there is nothing to say is none that nobody reads. The next write starts the deadline anew.
    if (response.writableLength > 0) response.destroy();
  });
  response.once("finish", () => {
    // A server that keeps idle connections for ever leaves the socket's deadline as it is.
    if (socket?.timeout === ms) socket.setTimeout(0);
  });
}

/** Takes a stream whose client has gone before it could start. */
const nobody: StreamSink = { write: () => false, buffered: 0, end: () => undefined };

function sendStream(status: number, headers: Reply["headers"], body: StreamBody, response: ServerResponse): void {
  response.writeHead(status, headers);
  response.flushHeaders();
  const stop = body.start({
    write: (chunk) => !response.writableEnded && !response.destroyed && response.write(chunk),
    get buffered() {
      return response.writableLength;
    },
    end: () => end(response),
    destroy: () => {
      response.destroy();
    },
    closeWhenSilent: (ms) => closeWhenSilent(response, ms),
  });
  if (response.closed) stop();
  else response.once("close", stop);
}

/**
 * Answers while the client is still sending. Closing at once would reset the connection, and the reset can overtake the
 * answer; so the answer goes out whole and the connection is closed a moment later.
 */
function lingerAndEnd(text: string, request: IncomingMessage, response: ServerResponse): void {
  const end = (): void => {
    clearTimeout(timer);
    request.off("data", onData).off("end", end).off("close", end);
    response.end();
  };
  let discarded = 0;
  const onData = (chunk: Buffer): void => {
    discarded += chunk.length;
    if (discarded > lingerBytes) end();
  };
  const timer = setTimeout(end, lingerMs);
  response.once("close", end);
  response.write(text);
  request.on("data", onData).on("end", end).on("close", end);
  request.resume();
}

export type Sending = {
  /** Aborted when the client has gone. */
  readonly gone: AbortSignal;
  /** A reader of a stream that takes nothing for so long is disconnected. */
  readonly silentMs: number;
};

/** Writes what the SDK's handler answered. Resolves once all of it is handed over or the client has gone. */
export async function sendResponse(
  answer: Response,
  response: ServerResponse,
  { gone, silentMs }: Sending,
): Promise<void> {
  if (response.destroyed || response.headersSent) return answer.body?.cancel();
  const headers = Object.fromEntries(answer.headers);
  if (headers["content-type"] !== "text/event-stream" || answer.body === null) {
    const text = answer.body === null ? "" : await answer.text();
    response.writeHead(answer.status, { ...headers, "content-length": Buffer.byteLength(text) });
    return end(response, text);
  }
  response.writeHead(answer.status, headers);
  response.flushHeaders();
  closeWhenSilent(response, silentMs);
  await pump(answer.body, response, gone);
}

async function pump(body: ReadableStream<Uint8Array>, response: ServerResponse, gone: AbortSignal): Promise<void> {
  const reader = body.getReader();
  const cancel = (): void => {
    reader.cancel().catch(() => undefined);
  };
  gone.addEventListener("abort", cancel, { once: true });
  try {
    // Read on even if the socket is slow: what is not read here would pile up unseen in the stream's own queue.
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      if (response.writableLength > maxUnreadBytes) {
        response.destroy();
        break;
      }
      response.write(part.value);
    }
    end(response);
  } finally {
    gone.removeEventListener("abort", cancel);
    cancel();
  }
}
