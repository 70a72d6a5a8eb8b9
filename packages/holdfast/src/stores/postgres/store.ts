/**
 * Records in a PostgreSQL database that any number of nodes share. Commits are decided inside the database, under the
 * locks of the rows they concern; see `migrations/` for how, and `committer.ts` for batches.
 */
import { throwIfAborted } from "../../record/abort.ts";
import type { Change } from "../../record/change.ts";
import { mintSecret } from "../../record/ids.ts";
import type { Owner, RecordKey } from "../../record/record.ts";
import { Aborts } from "../../store/abort.ts";
import type {
  CallOptions,
  CommitOptions,
  Committed,
  EventsOptions,
  EventsPage,
  HintListener,
  ListOptions,
  ListPage,
  ReadAnswer,
  ReadOptions,
  Store,
  StoreAdmin,
  Usage,
} from "../../store/contract.ts";
import { Gate } from "../../store/gate.ts";
import { Hints } from "../../store/hints.ts";
import { Outbox } from "../../store/outbox.ts";
import type { StoreFigures, StoreHealth, StoreTraits } from "../../store/traits.ts";
import { validateCommit, validateEvents, validateHint, validateList, validateRead } from "../../store/validate.ts";
import { PostgresAdmin } from "./admin.ts";
import { Client } from "./client.ts";
import { Committer } from "./committer.ts";
import { type Driver, loadDriver } from "./driver.ts";
import { healthOf } from "./health.ts";
import { Listener } from "./listener.ts";
import { type PostgresOptions, type ResolvedPostgresOptions, resolveOptions } from "./options.ts";
import { type Prepared, prepareDatabase } from "./prepare.ts";
import { listRecords, type Reader, readEvents, readRecord, readUsage } from "./queries.ts";
import { RecordReader } from "./record-reader.ts";
import { Replicas } from "./replicas.ts";
import type { ServerFacts } from "./safety.ts";

/**
 * Opens the store in a database, making its schema (`holdfast`) where it is missing.
 *
 * Guarantees: an acknowledged commit survives crashes of nodes and of PostgreSQL and, with an honest disk, loss of power.
 * Any number of nodes may have the same database open, of this release and of the ones its schema says it goes with.
 *
 * Throws `CONFIGURATION` (options, no driver), `STORE_UNSAFE` (a setting that would break a promise),
 * `SCHEMA_MISMATCH` (a newer release's schema), or `UNAVAILABLE`.
 *
 * @example
 * await using store = await postgresStore({ url: "postgres://app:secret@db/app" });
 */
export function postgresStore(options: PostgresOptions): Promise<Store> {
  return postgresStoreAhead(options, () => 0);
}

/** A store whose clock is the server's and so many milliseconds more. Only tests want one, to let time pass. */
export async function postgresStoreAhead(options: PostgresOptions, aheadMs: () => number): Promise<Store> {
  const resolved = resolveOptions(options);
  const driver = await loadDriver();
  return new PostgresStore(driver, resolved, await prepareDatabase(driver, resolved), aheadMs);
}

class PostgresStore implements Store {
  readonly traits: StoreTraits;
  readonly admin: StoreAdmin;
  readonly #facts: ServerFacts;
  readonly #cursorKey: Uint8Array;
  readonly #aheadMs: () => number;
  readonly #client: Client;
  readonly #replicas: Replicas | undefined;
  readonly #reader: RecordReader;
  readonly #committer: Committer;
  readonly #hints: Hints;
  readonly #gate = new Gate();
  readonly #aborts = new Aborts();
  #closing: Promise<void> | undefined;

  constructor(driver: Driver, options: ResolvedPostgresOptions, prepared: Prepared, aheadMs: () => number) {
    const { facts, cursorKey } = prepared;
    const durability = facts.lossy.length > 0 ? "process" : "host";
    this.traits = { name: "postgres", durability, outcomeCanBeUnknown: true, shared: true };
    this.#facts = facts;
    this.#cursorKey = cursorKey;
    this.#aheadMs = aheadMs;
    const replicas = options.replicaUrls.length === 0 ? undefined : new Replicas(driver, options);
    const client = new Client(driver, options, replicas && ((owners, lsn) => replicas.wrote(owners, lsn)));
    this.#replicas = replicas;
    this.#client = client;
    this.#reader = new RecordReader(client, aheadMs);
    this.#committer = new Committer(client, options, aheadMs);
    const node = mintSecret(72);
    const notify = async (payloads: readonly string[]): Promise<void> => {
      await client.read("select pg_notify('holdfast', payload) from unnest($1::text[]) payload", [payloads]);
    };
    const { directUrl, connectTimeoutMs, pollMs } = options;
    this.#hints = new Hints({
      node,
      pollMs,
      outbox: new Outbox(node, notify),
      listenerFor: (on) => {
        const announce = (): Promise<void> => notify([JSON.stringify([node])]);
        return new Listener({ driver, url: directUrl, connectTimeoutMs, announce, ...on });
      },
    });
    this.admin = new PostgresAdmin({
      client,
      cursorKey,
      gate: this.#gate,
      aheadMs,
      until: (signal, work) => this.#until(signal, work),
    });
  }

  read(owner: Owner, key: RecordKey, options: ReadOptions = {}): Promise<ReadAnswer> {
    return this.#gate.run(async () => {
      validateRead(key, options);
      // What came of a commit, and what is not there, only the primary knows.
      const mayLag = options.replica === true && options.commitId === undefined;
      const isNewEnough = ({ record }: ReadAnswer): boolean =>
        record !== undefined && record.version >= (options.minVersion ?? 0);
      return this.#until(options.signal, () =>
        this.#asking(mayLag, owner, isNewEnough, (from) =>
          from === this.#client
            ? this.#reader.read(owner, key, options)
            : readRecord(from, owner, key, options, this.#aheadMs()),
        ),
      );
    });
  }

  commit(owner: Owner, changes: readonly Change[], options: CommitOptions = {}): Promise<Committed> {
    return this.#gate.run(async () => {
      validateCommit(changes, options);
      return this.#committer.commit(owner, changes, options);
    });
  }

  events(owner: Owner, key: RecordKey, stream: string, options: EventsOptions): Promise<EventsPage | undefined> {
    return this.#gate.run(async () => {
      validateEvents(key, stream, options);
      // A cursor from beyond what the replica has is one of the primary.
      const isThere = (page: EventsPage | undefined): boolean =>
        page !== undefined && page.head >= (options.after ?? 0);
      return this.#until(options.signal, () =>
        this.#asking(options.replica === true, owner, isThere, (from) =>
          readEvents(from, owner, key, stream, options, this.#aheadMs()),
        ),
      );
    });
  }

  list(owner: Owner, kind: string, options: ListOptions): Promise<ListPage> {
    return this.#gate.run(async () => {
      validateList(kind, options);
      return this.#until(options.signal, () =>
        this.#asking(
          options.replica === true,
          owner,
          () => true,
          (from) => listRecords(from, this.#cursorKey, owner, kind, options, this.#aheadMs()),
        ),
      );
    });
  }

  usage(owner: Owner, { signal }: CallOptions = {}): Promise<Usage> {
    return this.#gate.run(async () => {
      throwIfAborted(signal);
      return this.#until(signal, () => readUsage(this.#client, owner, this.#aheadMs()));
    });
  }

  publish(topic: string, hint: string): void {
    this.#gate.assertOpen();
    validateHint(hint);
    this.#hints.publish(topic, hint);
  }

  subscribe(topic: string, listener: HintListener): () => void {
    this.#gate.assertOpen();
    return this.#hints.subscribe(topic, listener);
  }

  figures(): StoreFigures {
    return { queued: this.#committer.queued, batches: this.#committer.batches, connections: this.#client.pool };
  }

  health(options: CallOptions = {}): Promise<StoreHealth> {
    return this.#gate.run(async () => {
      throwIfAborted(options.signal);
      const state = { queued: this.#committer.queued, hears: this.#hints.hears, replicas: this.#replicas?.counts };
      return this.#until(options.signal, () => healthOf(this.#client, this.#facts, state));
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    await this.#gate.close();
    await this.#hints.close();
    await Promise.all([this.#client.close(), this.#replicas?.close()]);
  }

  /** Asks a replica where the caller lets it, and the primary where no replica has an answer that will do. */
  async #asking<T>(
    mayLag: boolean,
    owner: Owner,
    willDo: (answer: T) => boolean,
    ask: (from: Reader) => Promise<T>,
  ): Promise<T> {
    const lagging = mayLag ? await this.#replicas?.ask(owner, willDo, ask) : undefined;
    return lagging === undefined ? await ask(this.#client) : lagging.answer;
  }

  /** A reader who gives up leaves at once; its statement ends by its own deadline. */
  #until<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    return this.#aborts.until(signal, ({ resolve, reject }) => void work().then(resolve, reject));
  }
}
