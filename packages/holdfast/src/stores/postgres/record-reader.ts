/**
 * Reads of this process. Those in flight share a statement, which asks for records only: a read that wants events or
 * the outcome of a commit id is sent alone, and so holds nobody up.
 */
import { isHoldfastError } from "../../record/errors.ts";
import type { IndexedFields, Owner, RecordKey } from "../../record/record.ts";
import type { ReadAnswer, ReadOptions } from "../../store/contract.ts";
import type { Client } from "./client.ts";
import type { Row } from "./driver.ts";
import { isRolledBack, unavailable } from "./failures.ts";
import { readRecord } from "./queries.ts";
import { type RecordColumns, recordOf } from "./rows.ts";

const statement = "select * from holdfast.reads_1($1::json, $2::bigint)";
const maxPerStatement = 128;
/** Shared statements under way at once: the server works on one while the answers of the other are handed out. */
const maxStatements = 2;
const maxWaiting = 100_000;

type Waiting = {
  readonly owner: Owner;
  readonly key: RecordKey;
  readonly resolve: (answer: ReadAnswer) => void;
  readonly reject: (error: unknown) => void;
};

export class RecordReader {
  readonly #client: Client;
  readonly #aheadMs: () => number;
  #waiting: Waiting[] = [];
  #statements = 0;
  #isSending = false;

  constructor(client: Client, aheadMs: () => number) {
    this.#client = client;
    this.#aheadMs = aheadMs;
  }

  read(owner: Owner, key: RecordKey, options: ReadOptions): Promise<ReadAnswer> {
    if (options.commitId !== undefined || (options.tails?.length ?? 0) > 0) {
      return readRecord(this.#client, owner, key, options, this.#aheadMs());
    }
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= maxWaiting) {
        reject(unavailable(`${maxWaiting} reads are waiting already; try again shortly`));
        return;
      }
      this.#waiting.push({ owner, key, resolve, reject });
      this.#sendSoon();
    });
  }

  /** A turn of the event loop lets callers who were all woken by one answer share the next statement. */
  #sendSoon(): void {
    if (this.#isSending || this.#statements >= maxStatements) return;
    this.#isSending = true;
    setImmediate(() => {
      this.#isSending = false;
      if (this.#waiting.length === 0) return;
      const reads = this.#waiting;
      this.#waiting = reads.splice(maxPerStatement);
      this.#statements += 1;
      void this.#send(reads).finally(() => {
        this.#statements -= 1;
        if (this.#waiting.length > 0) this.#sendSoon();
      });
      if (this.#waiting.length > 0) this.#sendSoon();
    });
  }

  async #send(reads: readonly Waiting[]): Promise<void> {
    if (reads.length === 1) return await this.#alone(reads);
    try {
      const keys = reads.map(({ owner, key }, place) => ({ p: place, o: owner, k: key.kind, i: key.id }));
      const rows = await this.#client.read(statement, [JSON.stringify(keys), this.#aheadMs()]);
      for (const row of rows) reads[Number(row["place"])]?.resolve(answerOf(row));
    } catch (error) {
      // Whose fault it was, each finds out by itself.
      if (isHoldfastError(error) && isRolledBack(error.cause)) return await this.#alone(reads);
      for (const { reject } of reads) reject(error);
    }
  }

  async #alone(reads: readonly Waiting[]): Promise<void> {
    for (const { owner, key, resolve, reject } of reads) {
      await readRecord(this.#client, owner, key, {}, this.#aheadMs()).then(resolve, reject);
    }
  }
}

function answerOf(row: Row): ReadAnswer {
  const columns = row["record"] as RecordColumns | null;
  return {
    at: Number(row["at"]),
    record: columns === null ? undefined : recordOf(columns, row["fields"] as IndexedFields, String(row["document"])),
    tails: [],
    outcome: undefined,
  };
}
