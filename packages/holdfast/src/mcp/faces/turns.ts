import type { Socket } from "node:net";

/** Requests that a connection may have sent ahead. Hardly any client sends one. */
export const maxAhead = 64;

type Line = { busy: boolean; readonly waiting: (() => void)[] };

/**
 * Requests of one connection are taken in hand one after the other, each when the one before was answered. Their answers go
 * out in that order anyway; and taken all at once, what one read of a socket brings would hold up everybody else.
 */
export class Turns {
  readonly #lines = new WeakMap<Socket, Line>();

  /**
   * Undefined where it is the request's turn at once, as it nearly always is; else resolves when it is. "too many" where the
   * line is full. Whoever got a turn has to call `done`.
   */
  take(socket: Socket): Promise<void> | "too many" | undefined {
    const line = this.#lines.get(socket);
    if (line === undefined || !line.busy) {
      if (line === undefined) this.#lines.set(socket, { busy: true, waiting: [] });
      else line.busy = true;
      return undefined;
    }
    if (line.waiting.length >= maxAhead) return "too many";
    return new Promise((resolve) => line.waiting.push(resolve));
  }

  /** The next one's turn, once everybody else has had theirs. */
  done(socket: Socket): void {
    const line = this.#lines.get(socket);
    const next = line?.waiting.shift();
    if (next !== undefined) setImmediate(next);
    else if (line !== undefined) line.busy = false;
  }
}
