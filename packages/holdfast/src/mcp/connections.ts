/** Who is being served right now, how many may be, and how to wait until all of them are done. */
import type { Connections } from "./types.ts";

/** Ends what it was given for. Calling it again does nothing. */
export type Release = () => void;

/** What the 2025-era endpoint adds to the picture. */
export type SessionFigures = {
  readonly streams: number;
  readonly warm: number;
  readonly inUse?: number;
  readonly hits?: number;
  readonly misses?: number;
};

type OwnFigures = {
  readonly open: number;
  readonly streams: number;
  readonly calls: number;
  readonly callsTotal: number;
};

export class ConnectionRegistry {
  readonly #max: number;
  readonly #sockets = new WeakSet<object>();
  readonly #idle = new Set<() => void>();
  #open = 0;
  #streams = 0;
  #exchanges = 0;
  #calls = 0;
  #callsTotal = 0;

  constructor(maxConnections: number) {
    this.#max = maxConnections;
  }

  /** Counts a connection until it is released. Undefined if there are too many. */
  open(): Release | undefined {
    if (this.#open >= this.#max) return undefined;
    this.#open += 1;
    return once(() => {
      this.#open -= 1;
    });
  }

  /** Counts a socket, the first time it is seen, until it closes. False if there are too many. */
  openSocket(socket: { once(event: "close", listener: () => void): unknown }): boolean {
    if (this.#sockets.has(socket)) return true;
    const release = this.open();
    if (release === undefined) return false;
    this.#sockets.add(socket);
    socket.once("close", release);
    return true;
  }

  /** Counts a stream that stays open until it is released. */
  stream(): Release {
    this.#streams += 1;
    return once(() => {
      this.#streams -= 1;
    });
  }

  /** Counts an exchange that a drain has to wait for. */
  exchange(): Release {
    this.#exchanges += 1;
    return once(() => {
      this.#exchanges -= 1;
      this.#settle();
    });
  }

  /** Counts a tool call, in either era and over any transport. A drain waits for it too. */
  call(): Release {
    this.#calls += 1;
    this.#callsTotal += 1;
    return once(() => {
      this.#calls -= 1;
      this.#settle();
    });
  }

  get busy(): boolean {
    return this.#exchanges > 0 || this.#calls > 0;
  }

  /** Resolves once nothing is under way, or when the signal fires; says which: true if all is done. */
  async whenIdle(signal: AbortSignal): Promise<boolean> {
    while (this.busy && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          this.#idle.delete(done);
          signal.removeEventListener("abort", done);
          resolve();
        };
        this.#idle.add(done);
        signal.addEventListener("abort", done, { once: true });
      });
    }
    return !this.busy;
  }

  /** What operators and tools may look at. */
  view(sessions: () => SessionFigures): Connections {
    const own = (): OwnFigures => ({
      open: this.#open,
      streams: this.#streams,
      calls: this.#calls,
      callsTotal: this.#callsTotal,
    });
    return {
      get open() {
        return own().open;
      },
      get streams() {
        return own().streams + sessions().streams;
      },
      get warm() {
        return sessions().warm;
      },
      get sessionsInUse() {
        return sessions().inUse ?? 0;
      },
      get warmHits() {
        return sessions().hits ?? 0;
      },
      get warmMisses() {
        return sessions().misses ?? 0;
      },
      get callsInFlight() {
        return own().calls;
      },
      get callsTotal() {
        return own().callsTotal;
      },
    };
  }

  #settle(): void {
    if (this.busy) return;
    for (const done of [...this.#idle]) done();
  }
}

function once(work: () => void): Release {
  let pending = true;
  return () => {
    if (!pending) return;
    pending = false;
    work();
  };
}
