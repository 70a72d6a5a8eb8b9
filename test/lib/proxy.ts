/**
 * A way to a server on which things go wrong when a test says so: slow, cut, mute in one direction, or closed to
 * newcomers. Knows nothing of what passes, so it stands before any TCP server.
 */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

import { Pipe, type Tally, type Weather } from "./proxy-pipe.ts";

export type Direction = "requests" | "replies";

/** A URL that leads to its target until it is disposed of. Faults last until `heal`. */
export interface Proxy extends AsyncDisposable {
  /** The target's URL, led through here. */
  readonly url: string;
  /** Connections open now. */
  readonly connections: number;
  /** How many connections were ever let in. */
  readonly accepted: number;
  /** Bytes by direction: those passed on, and those silently dropped. */
  readonly seen: Readonly<Record<Direction, Readonly<Tally>>>;
  /** Whatever arrives from now on is passed on so much later, in order. */
  delay(direction: Direction, ms: number): void;
  /** Whatever arrives from now on is dropped, and nobody is told. */
  lose(direction: Direction): void;
  /** So many more bytes pass, over all connections together; the connection that then has more to say is cut, once. */
  cutAfter(direction: Direction, bytes: number): void;
  /** Ends every connection at once, as a crashed host would: by RST. New ones are welcome. */
  reset(): void;
  /** From now on nobody can connect. Who is connected stays. */
  refuse(): Promise<void>;
  /** Everything passes again, and who wants may connect. Connections that lost something are ended: they cannot go on. */
  heal(): Promise<void>;
}

/** @param target a URL with host and port, of whatever scheme. */
export async function startProxy(target: string): Promise<Proxy> {
  const proxy = new TcpProxy(target);
  await proxy.heal();
  return proxy;
}

type Link = { readonly pipes: readonly Pipe[]; readonly cut: () => void };

const directions = ["requests", "replies"] as const;
const fair = { delayMs: 0, losing: false, bytesLeft: undefined } as const;
const relistenMs = 5_000;

class TcpProxy implements Proxy {
  readonly seen: Record<Direction, Tally> = { requests: { passed: 0, lost: 0 }, replies: { passed: 0, lost: 0 } };
  accepted = 0;
  readonly #target: URL;
  readonly #weather: Record<Direction, Weather> = { requests: { ...fair }, replies: { ...fair } };
  readonly #links = new Set<Link>();
  #server: Server | undefined;
  #port = 0;

  constructor(target: string) {
    this.#target = new URL(target);
  }

  get url(): string {
    const url = new URL(this.#target);
    url.hostname = "127.0.0.1";
    url.port = String(this.#port);
    return url.href;
  }

  get connections(): number {
    return this.#links.size;
  }

  delay(direction: Direction, ms: number): void {
    this.#weather[direction].delayMs = ms;
  }

  lose(direction: Direction): void {
    this.#weather[direction].losing = true;
  }

  cutAfter(direction: Direction, bytes: number): void {
    this.#weather[direction].bytesLeft = bytes;
  }

  reset(): void {
    for (const { cut } of this.#links) cut();
  }

  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    // The door closes at once. That it is "closed" is told only when its last connection has ended.
    server?.close();
    await new Promise((resolve) => setImmediate(resolve));
  }

  async heal(): Promise<void> {
    for (const direction of directions) Object.assign(this.#weather[direction], fair);
    for (const { pipes, cut } of this.#links) if (pipes.some(({ holed }) => holed)) cut();
    this.#server ??= await this.#listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.refuse();
    this.reset();
  }

  /** On the port it had before, if it had one: somebody may have borrowed that for a moment. */
  async #listen(): Promise<Server> {
    const until = performance.now() + relistenMs;
    for (;;) {
      const server = createServer({ allowHalfOpen: true }, (client) => this.#join(client));
      try {
        await once(server.listen(this.#port, "127.0.0.1"), "listening");
        const address = server.address();
        if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
        this.#port = address.port;
        return server;
      } catch (error) {
        if (performance.now() > until) throw error;
        await wait(20);
      }
    }
  }

  #join(client: Socket): void {
    this.accepted += 1;
    const { hostname, port } = this.#target;
    const upstream = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    const ends = [client, upstream] as const;
    for (const socket of ends) socket.setNoDelay(true);
    const cut = (): void => {
      this.#links.delete(link);
      for (const pipe of link.pipes) pipe.stop();
      for (const socket of ends) if (!socket.destroyed) socket.resetAndDestroy();
    };
    const pipe = (direction: Direction, from: Socket, to: Socket): Pipe =>
      new Pipe({ from, to, cut, weather: this.#weather[direction], tally: this.seen[direction] });
    const link = { cut, pipes: [pipe("requests", client, upstream), pipe("replies", upstream, client)] };
    this.#links.add(link);
    for (const socket of ends) {
      socket.once("close", () => {
        if (ends.every(({ destroyed }) => destroyed)) cut();
      });
    }
  }
}
