import type { Socket } from "node:net";

/**
 * Tells when sockets close. A response that waits behind another one on its connection (pipelining) has no socket yet, and
 * never hears of its end. One listener to a socket, however many requests it carries.
 */
export class SocketEnds {
  readonly #waiting = new WeakMap<Socket, Set<() => void>>();

  /** Calls back once, when the socket closes. Returns how to be told no longer. */
  when(socket: Socket, closed: () => void): () => void {
    let waiting = this.#waiting.get(socket);
    if (waiting === undefined) {
      const told = new Set<() => void>();
      waiting = told;
      this.#waiting.set(socket, told);
      socket.once("close", () => {
        for (const each of [...told]) each();
      });
    }
    waiting.add(closed);
    return () => void waiting.delete(closed);
  }
}
