/** Server-sent events as text. Ids are `[A-Za-z0-9_-]` by construction; data is split per line (trap F16). */

export const streamHeaders: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

export const keepAliveComment = ": keepalive\n\n";

/** One message. Without an id it cannot be resumed from. */
export function messageEvent(id: string | undefined, json: string): string {
  return `event: message\n${id === undefined ? "" : `id: ${id}\n`}${dataLines(json)}\n`;
}

/** An event without data that tells the client where to resume and how long to wait before it does. */
export function primingEvent(id: string, retryMs: number): string {
  return `id: ${id}\nretry: ${retryMs}\ndata: \n\n`;
}

function dataLines(text: string): string {
  // Serialized JSON has no raw line breaks, so the common case is one line.
  if (!/[\r\n]/.test(text)) return `data: ${text}\n`;
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => `data: ${line}\n`)
    .join("");
}
