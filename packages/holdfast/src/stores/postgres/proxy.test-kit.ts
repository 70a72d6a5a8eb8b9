import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A way to the server on which requests or replies can be lost. */
export interface Proxy {
  readonly url: string;
  /** Loses what passes from now on, in one direction. */
  lose(what: "requests" | "replies"): void;
  /** Ends every connection, and lets everything pass again. */
  cut(): void;
}

/** Ends when the test is over. */
export async function proxyFor(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let lost: "requests" | "replies" | undefined;

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const pass = (from: Socket, to: Socket, what: "requests" | "replies"): void => {
      sockets.add(from);
      from.on("data", (data) => {
        if (lost !== what) to.write(data);
      });
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    };
    pass(client, upstream, "requests");
    pass(upstream, client, "replies");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
    lost = undefined;
  };
  onTestFinished(() => {
    cut();
    server.close();
  });

  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has no port");
  const url = new URL(target);
  url.hostname = "127.0.0.1";
  url.port = String(address.port);
  return {
    url: url.href,
    lose: (what) => {
      lost = what;
    },
    cut,
  };
}
