/** Statements and transactions on a pool, each with a deadline of its own. */
import { HoldfastError, isHoldfastError } from "../../record/errors.ts";
import type { ConnectionPool, Driver, PooledConnection, QueryAnswer, Row } from "./driver.ts";
import { isReadOnly, isRolledBack, isTransient, outcomeUnknown, translate, unavailable } from "./failures.ts";
import type { ResolvedPostgresOptions } from "./options.ts";

/** What the answer may take beyond what the server allows the statement. */
const graceMs = 2_000;
const attempts = 5;
/** A new connection has the functions to compile and plan; callers who come now and then should seldom wait for that. */
const idleMs = 60_000;

/** @param lsn a point of the primary's log. */
export type OnReached = (owners: readonly string[], lsn: string) => void;

/** Where it is not known how far the log had come. */
const neverReached = "FFFFFFFF/FFFFFFFF";

export class Client {
  readonly #pool: ConnectionPool;
  readonly #max: number;
  readonly #deadlineMs: number;
  readonly #begin: string;
  readonly #beginReading: string;
  readonly #onReached: OnReached | undefined;

  /** @param onReached told, where there is somebody to tell, how far the log had come once a commit was in it. */
  constructor(driver: Driver, options: ResolvedPostgresOptions, onReached?: OnReached) {
    const { url, connectTimeoutMs, maxConnections, statementTimeoutMs, lockTimeoutMs } = options;
    this.#onReached = onReached;
    this.#max = maxConnections;
    this.#pool = new driver.Pool({
      connectionString: url,
      connectionTimeoutMillis: connectTimeoutMs,
      application_name: "holdfast",
      max: maxConnections,
      pipeline: true,
      keepAlive: true,
      idleTimeoutMillis: idleMs,
    });
    // Without listeners the failure of a connection, idle or not, would end the process. Its queries fail by themselves,
    // and the pool replaces it.
    this.#pool.on("error", () => undefined);
    this.#pool.on("connect", (connection) => connection.on("error", () => undefined));
    this.#deadlineMs = statementTimeoutMs + graceMs;
    // Settings go with each transaction: behind a transaction pooler a session is never ours. Whole numbers, ours.
    // The level too: a database may come with another one, and each statement has to see what the one before waited for.
    this.#beginReading = `begin isolation level read committed; set local statement_timeout = ${statementTimeoutMs}`;
    this.#begin =
      `${this.#beginReading}; set local lock_timeout = ${lockTimeoutMs}; ` +
      `set local idle_in_transaction_session_timeout = ${statementTimeoutMs}; set local synchronous_commit = on`;
  }

  /** Connections open now, and calls that wait for one. */
  get load(): { readonly connections: number; readonly waiting: number } {
    return { connections: this.#pool.totalCount, waiting: this.#pool.waitingCount };
  }

  /** As graphs show it. */
  get pool(): { readonly used: number; readonly idle: number; readonly max: number; readonly waiting: number } {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return { used: totalCount - idleCount, idle: idleCount, max: this.#max, waiting: waitingCount };
  }

  /** One reading statement, which the server itself ends where it takes too long. */
  async read(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const [answer] = await this.#withConnection((connection) => this.#reading(connection, [[text, values]]));
        return answer?.rows ?? [];
      } catch (error) {
        if (isTransient(error) && attempt < attempts) continue;
        // Nothing was to be written, so nothing can be unknown.
        throw isHoldfastError(error, "OUTCOME_UNKNOWN")
          ? unavailable("PostgreSQL gave no answer", error)
          : translate(error);
      }
    }
  }

  /**
   * One reading statement on a replica, answered from a state that has everything up to this point of the primary's log.
   * Undefined where the replica has not come that far, or is none.
   */
  async readReaching(lsn: string, text: string, values: readonly unknown[]): Promise<readonly Row[] | undefined> {
    const reaching =
      "select coalesce(pg_is_in_recovery() and pg_last_wal_replay_lsn() >= $1::pg_lsn, false) as reaches";
    const [first, answer] = await this.#withConnection((connection) =>
      // One after the other on the server: what is seen is at least as new as the point that was compared.
      this.#reading(connection, [
        [reaching, [lsn]],
        [text, values],
      ]),
    );
    return first?.rows[0]?.["reaches"] === true ? answer?.rows : undefined;
  }

  /**
   * One writing statement in a transaction of its own, sent in one go. Repeated where the server took it back for the
   * sake of others. Throws `OUTCOME_UNKNOWN` where the connection was lost before the answer.
   * @param owners whose records it changes.
   */
  async write(text: string, values: readonly unknown[], owners: readonly string[]): Promise<readonly Row[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#transact(text, values, owners);
      } catch (error) {
        if (!isTransient(error) || attempt === attempts) throw translate(error);
        await pause(Math.random() * 5 * 2 ** attempt);
      }
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #reading(
    connection: PooledConnection,
    statements: readonly (readonly [text: string, values: readonly unknown[]])[],
  ): Promise<readonly QueryAnswer[]> {
    const sent = [
      connection.query(this.#beginReading),
      ...statements.map(([text, values]) => connection.query(text, values)),
      connection.query("commit"),
    ];
    const answers = await Promise.allSettled(sent);
    const failed = answers.find((answer) => answer.status === "rejected");
    if (failed !== undefined) throw failed.reason;
    return answers.slice(1, -1).flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  }

  #transact(text: string, values: readonly unknown[], owners: readonly string[]): Promise<readonly Row[]> {
    return this.#withConnection(async (connection) => {
      const sent = [connection.query(this.#begin), connection.query(text, values), connection.query("commit")];
      const reach = this.#onReached && connection.query("select pg_current_wal_lsn() as lsn");
      const answers = await Promise.allSettled(sent);
      const reached = await reach?.catch(() => undefined);
      for (const answer of answers) {
        if (answer.status === "fulfilled") continue;
        throw isRolledBack(answer.reason) ? answer.reason : outcomeUnknown(answer.reason);
      }
      const lsn = reached?.rows[0]?.["lsn"];
      this.#onReached?.(owners, typeof lsn === "string" ? lsn : neverReached);
      const [, work] = answers;
      return work?.status === "fulfilled" ? work.value.rows : [];
    });
  }

  async #withConnection<T>(work: (connection: PooledConnection) => Promise<T>): Promise<T> {
    const connection = await this.#connect();
    let healthy = false;
    try {
      const answer = await within(this.#deadlineMs, work(connection));
      healthy = true;
      return answer;
    } catch (error) {
      healthy = isRolledBack(error) && !isReadOnly(error);
      throw error;
    } finally {
      // What is still under way on a connection that failed would be met by whoever got it next.
      connection.release(!healthy);
    }
  }

  async #connect(): Promise<PooledConnection> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw unavailable("no connection to PostgreSQL could be had in time", error);
    }
  }
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new HoldfastError("OUTCOME_UNKNOWN", `PostgreSQL gave no answer in ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
