import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import type { BodyRead } from "../http/gate.ts";

/**
 * Collects a body of at most `maxBytes`. `"too large"` as soon as it is, and `"no room"` as soon as there is none, with the
 * rest unread; `"gone"` if the client left before the end; `"not text"` if it is no UTF-8: read leniently, other bytes would
 * become the same text. A body that somebody else has consumed without leaving it anywhere is empty.
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  hasRoom: (bytes: number) => boolean,
): Promise<BodyRead> {
  if (request.readableEnded) return Promise.resolve({ text: "" });
  if (request.destroyed) return Promise.resolve("gone");
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (read: BodyRead): void => {
      request.off("data", onData).off("end", onEnd).off("close", onGone).off("error", onGone);
      // An error after this (a reset while the answer is being written) has no other listener.
      request.on("error", ignore);
      resolve(read);
    };
    const onData = (chunk: Buffer | string): void => {
      const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      size += bytes.length;
      if (size > maxBytes || !hasRoom(bytes.length)) {
        request.pause();
        settle(size > maxBytes ? "too large" : "no room");
      } else {
        chunks.push(bytes);
      }
    };
    const onEnd = (): void => {
      const [only] = chunks;
      const whole = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
      settle(isUtf8(whole) ? { text: whole.toString("utf8") } : "not text");
    };
    const onGone = (): void => settle("gone");
    request.on("data", onData).on("end", onEnd).on("close", onGone).on("error", onGone);
  });
}

function ignore(): void {}
