/**
 * Reads of this process. Those in flight for one owner share a script call, each answered by itself. A call that asks for
 * much is sent alone, so that it holds nobody up.
 */
import type { Owner, RecordKey } from "../../record/record.ts";
import { Aborts, type Settler } from "../../store/abort.ts";
import type { ReadAnswer, ReadOptions, Tail } from "../../store/contract.ts";
import { Drain } from "../../store/drain.ts";
import type { Client } from "./client.ts";
import { unreadable } from "./failures.ts";
import type { Keys } from "./keys.ts";
import { Pace } from "./pace.ts";
import { eventsOf, recordOf, type WireRecord } from "./rows.ts";
import { keyArgument, knownFromWire, optional, type WireKnown } from "./wire.ts";

/** One call keeps everybody else waiting while it runs, so it is asked for only so much. */
const maxReadsPerCall = 64;
/** A call answers no further documents beyond so many bytes, though always one; the rest is asked for again. */
const maxBytesPerCall = 1024 * 1024;
const maxReads = 100_000;
const maxBatch = 1_024;

type Item = {
  readonly owner: Owner;
  readonly key: RecordKey;
  readonly options: ReadOptions;
  readonly caller: Settler<ReadAnswer>;
};

type Call = { readonly owner: Owner; readonly items: readonly Item[] };

type WireAnswer = readonly [
  /** 0 for one that cannot be read. */
  record: WireRecord | 0 | null,
  tails: readonly (readonly (string | number)[])[],
  known: WireKnown | null,
];

export class Reader {
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #clock: () => string;
  readonly #drain: Drain<Item>;
  readonly #pace = new Pace();
  readonly #aborts = new Aborts();

  constructor(client: Client, keys: Keys, clock: () => string) {
    this.#client = client;
    this.#keys = keys;
    this.#clock = clock;
    this.#drain = new Drain({ run: (items) => this.#run(items), maxBatch, maxQueue: maxReads });
  }

  /** Who gives up leaves at once; what was asked ends by its own deadline. */
  read(owner: Owner, key: RecordKey, options: ReadOptions): Promise<ReadAnswer> {
    return this.#aborts.until<ReadAnswer>(options.signal, (caller) => {
      const refusal = this.#drain.push({ owner, key, options, caller });
      if (refusal !== undefined) caller.reject(refusal);
    });
  }

  /** Resolves once nothing is queued or under way. */
  async idle(): Promise<void> {
    await this.#drain.idle();
    await this.#pace.idle();
  }

  #run(items: readonly Item[]): Promise<void> {
    // Who gave up has been told so.
    const wanted = items.filter(({ options }) => options.signal?.aborted !== true);
    return this.#pace.keep(callsOf(wanted).map((call) => this.#send(call)));
  }

  /** As many script calls, one after another, as it takes to answer all. Tells every caller; never rejects. */
  async #send({ owner, items }: Call): Promise<void> {
    let left: readonly Item[] = items;
    try {
      while (left.length > 0) {
        const [at, answers] = await this.#ask(owner, left);
        if (answers.length === 0) throw new Error("the script gave no answer to a read");
        for (const [index, answer] of answers.entries()) {
          const item = left[index];
          if (answer[0] === 0) item?.caller.reject(unreadable());
          else item?.caller.resolve(answerOf(at, answer[0], answer, item.options.tails ?? []));
        }
        left = left.slice(answers.length);
      }
    } catch (error) {
      for (const { caller } of left) caller.reject(error);
    }
  }

  async #ask(owner: Owner, items: readonly Item[]): Promise<readonly [at: number, answers: readonly WireAnswer[]]> {
    const args = [this.#clock(), String(maxBytesPerCall)];
    for (const { key, options } of items) {
      const { tails = [], commitId = "" } = options;
      args.push(keyArgument(key), commitId, String(tails.length));
      for (const { stream, after, limit, maxBytes } of tails) {
        args.push(stream, whereFrom(after), String(limit), optional(maxBytes));
      }
    }
    const [hash] = this.#keys.ofOwner(owner);
    // Whatever it is, only this store's script gives it.
    return (await this.#client.run("read", [hash], args)) as readonly [number, readonly WireAnswer[]];
  }
}

/** One call per owner; what brings events along is alone in its call. */
function callsOf(items: readonly Item[]): readonly Call[] {
  const open = new Map<Owner, Item[]>();
  const calls: Call[] = [];
  for (const item of items) {
    const { owner } = item;
    const isLarge = (item.options.tails ?? []).length > 0;
    const standing = isLarge ? undefined : open.get(owner);
    if (standing !== undefined && standing.length < maxReadsPerCall) {
      standing.push(item);
      continue;
    }
    const own = [item];
    calls.push({ owner, items: own });
    if (!isLarge) open.set(owner, own);
  }
  return calls;
}

function whereFrom(after: Tail["after"]): string {
  if (after === "document") return "d";
  return typeof after === "number" ? `a${after}` : `l${after.last}`;
}

function answerOf(
  at: number,
  record: WireRecord | null,
  [, events, known]: WireAnswer,
  tails: readonly Tail[],
): ReadAnswer {
  return {
    at,
    record: record === null ? undefined : recordOf(record),
    tails: tails.map((_tail, index) => eventsOf(events[index] ?? [])),
    outcome: known === null ? undefined : knownFromWire(known),
  };
}
