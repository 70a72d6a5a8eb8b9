import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { HoldfastError } from "holdfast/contract";

import { inviteLate } from "./expect.ts";

export type ListenOptions = {
  readonly host: string;
  readonly port: number;
  /** TCP connections at once; more are closed as they arrive. */
  readonly maxConnections: number;
  /** Hears of connections that could not be accepted, for want of file descriptors say. */
  readonly onError: (error: unknown) => void;
};

export interface Listening {
  /** `http://HOST:PORT`, with the port that was bound. */
  readonly origin: string;
  /** Accepts nothing more, gives answers under way `graceMs` to reach their readers, then closes what is left. */
  close(graceMs: number): Promise<void>;
}

/** Binds and listens. Throws `CONFIGURATION` where the address cannot be had. */
export async function listen(listener: RequestListener, options: ListenOptions): Promise<Listening> {
  const server = createServer(limits, listener);
  inviteLate(server, listener);
  server.maxConnections = options.maxConnections;
  await bound(server, options);
  server.on("error", options.onError);
  // A TCP server's address is an object once it listens.
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://${forUrl(options.host)}:${port}`,
    close: (graceMs) => closeServer(server, graceMs),
  };
}

const limits = {
  // Slow senders: a head within 15 seconds, a whole request within a minute. Answers may take as long as they like.
  headersTimeout: 15_000,
  requestTimeout: 60_000,
  // Longer than the idle timeout of common load balancers (60 s), which otherwise reuse what we have just closed.
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5_000,
  maxHeaderSize: 16 * 1024,
  noDelay: true,
} as const;

function bound(server: Server, { host, port }: ListenOptions): Promise<void> {
  const address = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(explain(error, host, port));
    server.once("error", failed);
    server.listen({ host: address, port }, () => {
      server.off("error", failed);
      resolve();
    });
  });
}

function explain(error: NodeJS.ErrnoException, host: string, port: number): HoldfastError {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: "is in use: stop what listens there, or choose another --port (0 picks a free one)",
    EACCES: "needs more rights than this process has: choose a --port above 1023",
    EADDRNOTAVAIL: "is no address of this machine: choose another --host",
    ENOTFOUND: "is no host name that can be found: choose another --host",
  };
  const reason = reasons[error.code ?? ""] ?? `cannot be listened on (${error.message})`;
  return new HoldfastError("CONFIGURATION", `${forUrl(host)}:${port} ${reason}`, { cause: error });
}

function forUrl(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

function closeServer(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
