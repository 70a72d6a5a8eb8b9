/** The driver, described by its shape so that no driver's types leak. */
import { HoldfastError } from "../../record/errors.ts";

export type Row = Readonly<Record<string, unknown>>;

export type QueryAnswer = { readonly rows: readonly Row[] };

export interface Connection {
  query(text: string, values?: readonly unknown[]): Promise<QueryAnswer>;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "notification", listener: (message: { readonly payload?: string | undefined }) => void): unknown;
  on(event: "end", listener: () => void): unknown;
}

export interface PooledConnection extends Connection {
  /** `true` throws the connection away instead of putting it back. */
  release(destroy?: boolean): void;
}

export interface SingleConnection extends Connection {
  connect(): Promise<unknown>;
  end(): Promise<void>;
}

export interface ConnectionPool {
  connect(): Promise<PooledConnection>;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "connect", listener: (connection: Connection) => void): unknown;
  end(): Promise<void>;
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
}

export type ConnectionSettings = {
  readonly connectionString: string;
  readonly connectionTimeoutMillis: number;
  readonly application_name?: string;
  /** Statements of one transaction are sent without waiting for each other's answers. */
  readonly pipeline?: boolean;
  readonly keepAlive?: boolean;
  /** How long a pooled connection is kept that nobody uses. */
  readonly idleTimeoutMillis?: number;
};

export type Driver = {
  readonly Pool: new (settings: ConnectionSettings & { readonly max: number }) => ConnectionPool;
  readonly Client: new (settings: ConnectionSettings) => SingleConnection;
};

/** Throws `CONFIGURATION` with the command that installs it where the driver is missing. */
export async function loadDriver(): Promise<Driver> {
  // A name in a variable keeps type checkers and bundlers from requiring what is optional.
  const name: string = "pg";
  try {
    // The package has the shape above; its own types would leak into ours.
    const loaded = (await import(name)) as { readonly default: Driver };
    return loaded.default;
  } catch (cause) {
    throw new HoldfastError("CONFIGURATION", "the PostgreSQL store needs its driver: npm install pg@^8.23", { cause });
  }
}
