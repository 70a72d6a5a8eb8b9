/** A client that begins to read a stream and then takes nothing more, its connection open. */
import { connect } from "node:net";

import { poll } from "./waiting.ts";

export interface StalledReader extends AsyncDisposable {
  /** The place to resume from of the newest event that it has read whole. */
  readonly cursor: string;
}

/** Opens a stream, with a body by POST and without one by GET, and stops reading once it has a place to resume from. */
export async function readHeadOnly(
  url: string,
  headers: Readonly<Record<string, string>>,
  body?: unknown,
): Promise<StalledReader> {
  const { hostname, port, host, pathname } = new URL(url);
  const text = body === undefined ? "" : JSON.stringify(body);
  const lines = [
    `${body === undefined ? "GET" : "POST"} ${pathname} HTTP/1.1`,
    `host: ${host}`,
    "accept: application/json, text/event-stream",
    "content-type: application/json",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(text)}`,
  ];
  const socket = connect(Number(port), hostname);
  // That it is cut off is what it is there for.
  socket.on("error", () => undefined);
  let read = "";
  const cursors = (): readonly string[] => [...read.matchAll(/^id: ?(\S+)\n(?:.+\n)*\n/gm)].map(([, id = ""]) => id);
  socket.setEncoding("utf8").on("data", (part: string) => {
    read += part;
    if (cursors().length > 0) socket.pause();
  });
  socket.write(`${lines.join("\r\n")}\r\n\r\n${text}`);
  await poll(() => (socket.isPaused() ? true : undefined), `the head of a stream, after ${read}`, 30_000);
  return {
    cursor: cursors().at(-1) ?? "",
    async [Symbol.asyncDispose]() {
      socket.destroy();
      if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
    },
  };
}
