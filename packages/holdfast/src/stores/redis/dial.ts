/** Opens one connection, once. Whether and when to try again is for others to say. */
import type { Connection, Driver } from "./driver.ts";
import { Lost, Refused, unavailable } from "./failures.ts";
import type { ResolvedRedisOptions } from "./options.ts";
import type { Address } from "./target.ts";

/** A connection that is open, whose failures are reported once. */
export interface Line {
  /** Rejects with `Refused`, or with `Lost` where no answer came in time: then the line is dead. */
  send(command: readonly string[]): Promise<unknown>;
  /** Adds listening to sharded channels. */
  listen(channels: readonly string[], listener: (message: string) => void): Promise<void>;
  /** Resolves when the line is dead, for whatever reason. */
  readonly dead: Promise<void>;
  end(): void;
}

export type Credentials = { readonly username: string | undefined; readonly password: string | undefined };

export type Dial = (address: Address, credentials?: Credentials & { readonly database: number }) => Promise<Line>;

export function dialer(driver: Driver, options: ResolvedRedisOptions): Dial {
  const { target, tls, connectTimeoutMs, commandTimeoutMs } = options;
  return async ({ host, port }, credentials = target) => {
    const { username, password, database } = credentials;
    const connection = driver.createClient({
      RESP: 3,
      username,
      password,
      database,
      name: "holdfast",
      disableOfflineQueue: true,
      maintNotifications: "disabled",
      socket: {
        ...(target.tls && { servername: host, ...tls }),
        host,
        port,
        tls: target.tls,
        connectTimeout: connectTimeoutMs,
        reconnectStrategy: false,
      },
    });
    const line = new OpenLine(driver, connection, commandTimeoutMs);
    try {
      await within(connectTimeoutMs, connection.connect());
      return line;
    } catch (error) {
      line.end();
      if (error instanceof driver.ErrorReply) throw new Refused(error);
      throw unavailable(`no connection to Redis at ${host}:${port} could be had`, error);
    }
  };
}

class OpenLine implements Line {
  readonly dead: Promise<void>;
  readonly #driver: Driver;
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  readonly #die: () => void;

  constructor(driver: Driver, connection: Connection, timeoutMs: number) {
    this.#driver = driver;
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    let die = (): void => undefined;
    this.dead = new Promise((resolve) => {
      die = resolve;
    });
    this.#die = die;
    // Without a listener for errors the process would end; what was under way fails by itself.
    connection.on("error", die);
    connection.on("terminated", die);
    connection.on("end", die);
    // Channels that move with their slot are looked up again, as after any other loss.
    connection.on("sharded-channel-moved", () => this.end());
  }

  async send(command: readonly string[]): Promise<unknown> {
    try {
      return await within(this.#timeoutMs, this.#connection.sendCommand(command));
    } catch (error) {
      if (error instanceof this.#driver.ErrorReply) throw new Refused(error);
      this.end();
      throw new Lost("the connection to Redis broke, or no answer came in time", error);
    }
  }

  async listen(channels: readonly string[], listener: (message: string) => void): Promise<void> {
    // One by one: a cluster takes channels of one slot only in one command.
    const all = channels.map((channel) => this.#connection.sSubscribe([channel], listener));
    await within(this.#timeoutMs, Promise.all(all));
  }

  end(): void {
    this.#die();
    try {
      this.#connection.destroy();
    } catch {
      // It had ended before.
    }
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came of it in ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
