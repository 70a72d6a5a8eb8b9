/**
 * Reads of this process. Those in flight for one owner share a script call, each answered by itself. A call that asks for
 * much is sent alone, so that it holds nobody up.
 */
import type { Owner, RecordKey } from "../../record/record.ts";
import { Batcher, type Settle } from "../../store/batcher.ts";
import type { ReadAnswer, ReadOptions, Tail } from "../../store/contract.ts";
import type { Client } from "./client.ts";
import type { Keys } from "./keys.ts";
import { atMost } from "./patience.ts";
import { eventsOf, recordOf, type WireRecord } from "./rows.ts";
import { keyArgument, knownFromWire, optional, type WireKnown } from "./wire.ts";

const maxReadsPerCall = 64;
const maxReads = 100_000;
const maxBatch = 1_024;
/** A batch waits for the one before the last so long. */
const patienceMs = 20;

type Item = { readonly owner: Owner; readonly key: RecordKey; readonly options: ReadOptions };
type Pending = { readonly answer: Promise<ReadAnswer> };

type WireAnswer = readonly [
  record: WireRecord | null,
  tails: readonly (readonly (string | number)[])[],
  known: WireKnown | null,
];

export class Reader {
  readonly #client: Client;
  readonly #keys: Keys;
  readonly #clock: () => string;
  readonly #batcher: Batcher<Item, Pending>;
  /** The batch sent last; the next but one waits for it. */
  #sent: Promise<unknown> = Promise.resolve();

  constructor(client: Client, keys: Keys, clock: () => string) {
    this.#client = client;
    this.#keys = keys;
    this.#clock = clock;
    this.#batcher = new Batcher({ run: (items) => this.#run(items), maxBatch, maxQueue: maxReads });
  }

  async read(owner: Owner, key: RecordKey, options: ReadOptions): Promise<ReadAnswer> {
    const { answer } = await this.#batcher.add({ owner, key, options });
    return await answer;
  }

  async #run(items: readonly Item[]): Promise<readonly Settle<Pending>[]> {
    const answers = new Map<Item, Promise<ReadAnswer>>();
    const calls: Promise<unknown>[] = [];
    for (const call of callsOf(items)) {
      const sent = this.#send(call);
      calls.push(sent.catch(() => undefined));
      for (const [index, item] of call.entries()) {
        const own = sent.then((all) => all[index] ?? Promise.reject(new Error("the script gave no answer to a read")));
        // Its caller hears of it; the batch need not.
        own.catch(() => undefined);
        answers.set(item, own);
      }
    }
    const before = this.#sent;
    this.#sent = Promise.all(calls);
    await atMost(patienceMs, before);
    return items.map((item) => ({ value: { answer: answers.get(item) ?? Promise.reject(new Error("not sent")) } }));
  }

  async #send(items: readonly Item[]): Promise<readonly ReadAnswer[]> {
    const [first] = items;
    if (first === undefined) return [];
    const args = [this.#clock()];
    for (const { key, options } of items) {
      const { tails = [], commitId = "" } = options;
      args.push(keyArgument(key), commitId, String(tails.length));
      for (const { stream, after, limit, maxBytes } of tails) {
        args.push(stream, whereFrom(after), String(limit), optional(maxBytes));
      }
    }
    const answer = await this.#client.run("read", [this.#keys.ofOwner(first.owner)[0]], args);
    const [at, answers] = answer as readonly [number, readonly WireAnswer[]];
    return items.map(({ options }, index) => answerOf(at, answers[index], options.tails ?? []));
  }
}

/** One call per owner; what brings events along is alone in its call. */
function callsOf(items: readonly Item[]): readonly (readonly Item[])[] {
  const open = new Map<Owner, Item[]>();
  const calls: Item[][] = [];
  for (const item of items) {
    const isLarge = (item.options.tails ?? []).length > 0;
    const standing = isLarge ? undefined : open.get(item.owner);
    if (standing !== undefined && standing.length < maxReadsPerCall) {
      standing.push(item);
      continue;
    }
    const call = [item];
    calls.push(call);
    if (!isLarge) open.set(item.owner, call);
  }
  return calls;
}

function whereFrom(after: Tail["after"]): string {
  if (after === "document") return "d";
  return typeof after === "number" ? `a${after}` : `l${after.last}`;
}

function answerOf(at: number, answer: WireAnswer | undefined, tails: readonly Tail[]): ReadAnswer {
  const [record = null, events = [], known = null] = answer ?? [];
  return {
    at,
    record: record === null ? undefined : recordOf(record),
    tails: tails.map((_tail, index) => eventsOf(events[index] ?? [])),
    outcome: known === null ? undefined : knownFromWire(known),
  };
}
