/**
 * The connection that LISTENs. It counts as listening only once it has heard this node's voice from another connection
 * while it was idle: behind a transaction pooler LISTEN succeeds, what the connection itself says may even come back with
 * its answer, and nothing else ever arrives.
 */
import type { Ears } from "../../store/hints.ts";
import type { Driver, SingleConnection } from "./driver.ts";

export type ListenerDuties = {
  readonly driver: Driver;
  readonly url: string;
  readonly connectTimeoutMs: number;
  /** Lets this node be heard, by another connection. */
  readonly announce: () => Promise<void>;
  readonly onPayload: (payload: string) => void;
  /** Hints may have been missed until now. */
  readonly onListening: () => void;
};

const longestPauseMs = 5_000;

export class Listener implements Ears {
  readonly #duties: ListenerDuties;
  #connection: SingleConnection | undefined;
  /** The connection once it listens and asks nothing more. */
  #idle: SingleConnection | undefined;
  #retry: NodeJS.Timeout | undefined;
  #connecting: Promise<void> | undefined;
  #failures = 0;
  #wanted = false;
  #hears = false;

  constructor(duties: ListenerDuties) {
    this.#duties = duties;
  }

  get hears(): boolean {
    return this.#hears;
  }

  start(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#connect();
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    clearTimeout(this.#retry);
    await this.#connecting;
    const connection = this.#connection;
    this.#lose(connection);
    await connection?.end().catch(() => undefined);
  }

  #connect(): void {
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
  }

  async #open(): Promise<void> {
    const { driver, url, connectTimeoutMs, announce } = this.#duties;
    const connection = new driver.Client({
      connectionString: url,
      connectionTimeoutMillis: connectTimeoutMs,
      application_name: "holdfast hints",
      keepAlive: true,
    });
    connection.on("notification", ({ payload = "" }) => this.#heard(connection, payload));
    connection.on("error", () => this.#lost(connection));
    connection.on("end", () => this.#lost(connection));
    this.#connection = connection;
    try {
      await connection.connect();
      await connection.query("listen holdfast");
      this.#idle = connection;
      await announce();
    } catch {
      this.#lost(connection);
      await connection.end().catch(() => undefined);
    }
  }

  #heard(connection: SingleConnection, payload: string): void {
    if (connection !== this.#connection) return;
    // Before that, what comes is an answer's company.
    if (!this.#hears && this.#idle === connection) {
      this.#hears = true;
      this.#failures = 0;
      this.#duties.onListening();
    }
    this.#duties.onPayload(payload);
  }

  #lose(connection: SingleConnection | undefined): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    this.#idle = undefined;
    this.#hears = false;
  }

  #lost(connection: SingleConnection): void {
    if (connection !== this.#connection) return;
    this.#lose(connection);
    if (!this.#wanted) return;
    this.#failures += 1;
    const pauseMs = Math.random() * Math.min(longestPauseMs, 50 * 2 ** this.#failures);
    this.#retry = setTimeout(() => this.#connect(), pauseMs);
    this.#retry.unref();
  }
}
