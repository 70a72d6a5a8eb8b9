/**
 * The least that a balancer has to do: the next request goes to the next node, whoever sent it. A node that refuses the
 * connection or answers 503 has begun nothing, so the one after it is asked. So it is where a GET got no answer at all:
 * it opens a stream and carries nothing out. Use nginx or HAProxy for anything serious.
 */
import { request as ask, createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

export function roundRobin(ports: readonly number[]): Server {
  let turn = 0;
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    // Without an encoding set, the parts of a request are buffers.
    for await (const part of request) parts.push(part as Buffer);
    const first = turn++;
    for (let next = 0; next < ports.length; next++) {
      const port = ports[(first + next) % ports.length] ?? 0;
      const answer = await pass(request, Buffer.concat(parts), port);
      // What was sent may have been carried out: its client has to decide.
      if (answer === "broken" && request.method !== "GET") return void response.destroy();
      const last = next === ports.length - 1;
      if (typeof answer === "string" || (answer.statusCode === 503 && !last)) continue;
      const { connection: _, "transfer-encoding": __, ...headers } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, headers);
      response.flushHeaders();
      response.once("close", () => answer.destroy());
      answer.once("close", () => answer.complete || response.destroy());
      // Both ends are looked after above; without a listener an error would end the process.
      answer.on("error", () => {});
      return void answer.pipe(response);
    }
    response.writeHead(503, { "retry-after": "1" }).end();
  };
  return createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
}

function pass(from: IncomingMessage, body: Buffer, port: number): Promise<IncomingMessage | "refused" | "broken"> {
  return new Promise((resolve) => {
    let connected = false;
    const { connection: _, ...headers } = from.headers;
    const options = { host: "127.0.0.1", port, path: from.url ?? "/", method: from.method ?? "GET", headers };
    const outgoing = ask({ ...options, agent: false });
    outgoing.once("socket", (socket) => socket.once("connect", () => (connected = true)));
    outgoing.once("response", resolve);
    outgoing.on("error", () => resolve(connected ? "broken" : "refused"));
    outgoing.end(body);
  });
}
