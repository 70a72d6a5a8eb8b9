/** A Node face with nothing behind it but what a test puts there. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import { connect, type Socket } from "node:net";
import { ConnectionRegistry } from "../connections.ts";
import type { Inbound, Reply } from "../exchange.ts";
import { Gate } from "../http/gate.ts";
import { silenceMs } from "../http/silence.ts";
import { resolveServeOptions } from "../options.ts";
import type { ServeLimits } from "../types.ts";
import { nodeFace } from "./node.ts";

export class Bench {
  readonly errors: unknown[] = [];
  readonly registry: ConnectionRegistry;
  readonly server: Server;
  legacy: (inbound: Inbound) => Promise<Reply> = async () => ({ status: 200, headers: {}, body: "legacy" });
  stateless: (inbound: Inbound) => Promise<Response> = async () => Response.json("modern");
  /** What a framework has done to the request before it got here. */
  before: (request: IncomingMessage) => void = () => undefined;
  parsed: unknown;

  constructor(limits: Partial<ServeLimits> = {}) {
    const options = resolveServeOptions({ limits });
    this.registry = new ConnectionRegistry(options.limits.maxConnections);
    const servers = {
      sessions: { handle: (inbound: Inbound) => this.legacy(inbound) },
      stateless: { handle: (inbound: Inbound) => this.stateless(inbound) },
    };
    const face = nodeFace({
      gate: new Gate(options, servers, this.registry),
      connections: this.registry,
      silentMs: silenceMs(options.limits.keepAliveMs),
      onError: (error) => this.errors.push(error),
    });
    this.server = createServer((request, response) => {
      this.before(request);
      face(request, response, this.parsed);
    });
  }

  async port(): Promise<number> {
    if (!this.server.listening) await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    const address = this.server.address();
    return typeof address === "object" ? (address?.port ?? 0) : 0;
  }

  async url(): Promise<string> {
    return `http://127.0.0.1:${await this.port()}/mcp`;
  }

  async socket(): Promise<Socket> {
    const port = await this.port();
    return new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(socket));
      socket.on("error", () => undefined);
    });
  }
}

export async function until(done: () => boolean, deadlineMs = 3_000): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!done()) {
    if (performance.now() > end) throw new Error(`still not so after ${deadlineMs} ms: ${String(done)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** All that a raw connection gets to read until the other side closes it. */
export function readAll(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    socket.on("close", () => resolve(text));
  });
}
