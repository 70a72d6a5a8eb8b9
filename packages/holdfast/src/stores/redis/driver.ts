/** The driver, described by its shape so that no driver's types leak. */
import { HoldfastError } from "../../record/errors.ts";

/** One connection. */
export interface Connection {
  connect(): Promise<unknown>;
  /** Rejects with an `ErrorReply` where the server said no, and with anything else where the connection broke. */
  sendCommand(command: readonly string[]): Promise<unknown>;
  sSubscribe(channels: readonly string[], listener: (message: string) => void): Promise<unknown>;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "sharded-channel-moved" | "terminated" | "end", listener: () => void): unknown;
  /** Ends at once; what is under way fails. Throws where there is nothing to end. */
  destroy(): void;
}

export type ConnectionSettings = {
  readonly RESP: 3;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly name: string;
  /** Whether commands are refused rather than kept while there is no connection. */
  readonly disableOfflineQueue: true;
  readonly maintNotifications: "disabled";
  readonly socket: Readonly<Record<string, unknown>> & {
    readonly host: string;
    readonly port: number;
    readonly tls: boolean;
    readonly connectTimeout: number;
    readonly reconnectStrategy: false;
  };
};

export type Driver = {
  createClient(settings: ConnectionSettings): Connection;
  readonly ErrorReply: abstract new (...given: never) => Error;
};

/** Throws `CONFIGURATION` with the command that installs it where the driver is missing. */
export async function loadDriver(): Promise<Driver> {
  // A name in a variable keeps type checkers and bundlers from requiring what is optional.
  const name: string = "redis";
  try {
    // The package has the shape above; its own types would leak into ours.
    return (await import(name)) as Driver;
  } catch (cause) {
    throw new HoldfastError("CONFIGURATION", "the Redis store needs its driver: npm install redis@^6.3", { cause });
  }
}
