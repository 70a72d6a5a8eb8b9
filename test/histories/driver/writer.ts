/** One client that does a bit of everything, in an order that its seed decides. */
import { setTimeout as delay } from "node:timers/promises";

import type { Random } from "../../lib/random.ts";
import type { Answer, Intent, Request } from "../history.ts";
import type { RecordingClient } from "./client.ts";
import type { Unresolved } from "./protocol.ts";

export type WriterOptions = {
  readonly client: RecordingClient;
  /** Unique among all writers of a history, over all processes and their restarts. */
  readonly name: string;
  readonly owners: readonly string[];
  readonly random: Random;
  /** How many operations it begins at most. */
  readonly operations: number;
  /** Aborted once no new operation shall begin. */
  readonly stop: AbortSignal;
};

type CommitRequest = Extract<Request, { readonly what: "commit" }>;
type Cursor = { readonly incarnation: number; readonly after: number };

/** What there is to fight over. Records that come and go, and some that stay. */
const mortal = ["note/a", "note/b", "note/c"] as const;
const lasting = ["log/a", "log/b"] as const;
const lease = "lease/only";
export const everyKey: readonly string[] = [...mortal, ...lasting, lease];
export const streams = ["left", "right"] as const;
const counter = "n";
const nothing = { writes: false, counters: {}, appends: {}, ends: false } as const;
const longestRun = 3;
const pauseMs = 20;

export class Writer {
  readonly #options: WriterOptions;
  readonly #cursors = new Map<string, Cursor>();
  #last = 0;
  #owner = "";

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Works until it has done its share or is told to stop. Throws what a store must never answer. */
  async work(): Promise<void> {
    const { random, owners, stop, operations } = this.#options;
    const repertoire = [
      ...times(5, () => this.#update()),
      ...times(3, () => this.#count()),
      ...times(3, () => this.#append()),
      ...times(2, () => this.#everything()),
      ...times(3, () => this.#several()),
      ...times(2, () => this.#look()),
      ...times(2, () => this.#follow()),
      ...times(2, () => this.#guard()),
      () => this.#overwrite(),
      () => this.#create(),
      () => this.#end(),
    ];
    while (!stop.aborted && this.#last < operations) {
      this.#owner = random.pick(owners);
      await random.pick(repertoire)();
    }
  }

  /** Finds out what became of commits that others began. */
  async settle(unresolved: readonly Unresolved[]): Promise<void> {
    for (const { name, request } of unresolved) await this.#resolve(name, request);
  }

  async #update(): Promise<void> {
    const key = this.#options.random.pick([...mortal, ...lasting]);
    const version = await this.#versionOf(key);
    await this.#commit([{ ...nothing, key, expect: version ?? "absent", writes: true }]);
  }

  async #overwrite(): Promise<void> {
    await this.#commit([{ ...nothing, key: this.#anyKey(), expect: "present", writes: true }]);
  }

  async #count(): Promise<void> {
    await this.#commit([{ ...nothing, key: this.#anyKey(), expect: "any", counters: { [counter]: 1 } }]);
  }

  async #append(): Promise<void> {
    await this.#commit([this.#appending(this.#anyKey())]);
  }

  async #everything(): Promise<void> {
    const intent = this.#appending(this.#anyKey());
    await this.#commit([{ ...intent, writes: true, counters: { [counter]: 1 } }]);
  }

  /** Two or three records in one commit. */
  async #several(): Promise<void> {
    const { random } = this.#options;
    const keys = random.below(2) === 0 ? lasting : [...mortal.slice(random.below(2)), random.pick(lasting)];
    await this.#commit(
      keys.map((key) => ({ ...this.#appending(key), writes: random.below(2) === 0, counters: { [counter]: 1 } })),
    );
  }

  async #create(): Promise<void> {
    await this.#commit([{ ...nothing, key: this.#options.random.pick(mortal), expect: "absent", writes: true }]);
  }

  async #end(): Promise<void> {
    const key = this.#options.random.pick(mortal);
    const version = await this.#versionOf(key);
    if (version !== undefined) await this.#commit([{ ...nothing, key, expect: version, ends: true }]);
  }

  async #look(): Promise<void> {
    const { random, client } = this.#options;
    const tails = [
      { stream: "left", after: random.below(20), limit: 1 + random.below(50) },
      { stream: "right", after: { last: 1 + random.below(20) }, limit: 1 + random.below(20) },
    ];
    await client.read(this.#next(), { what: "read", owner: this.#owner, key: this.#anyKey(), tails });
  }

  /** Reads on from where it was, as a consumer does. */
  async #follow(): Promise<void> {
    const { random, client } = this.#options;
    const key = this.#anyKey();
    const stream = random.pick(streams);
    const place = `${this.#owner} ${key} ${stream}`;
    const { incarnation, after } = this.#cursors.get(place) ?? { incarnation: 0, after: 0 };
    const request = {
      what: "events",
      owner: this.#owner,
      key,
      stream,
      after,
      limit: 1 + random.below(40),
      incarnation,
    } as const;
    const answer = await client.events(this.#next(), request);
    if (answer.kind !== "events" || answer.page === undefined) return;
    const { page } = answer;
    // Begun anew in between: its positions are others, so is the place to go on from.
    const same = page.incarnation === incarnation || incarnation === 0;
    this.#cursors.set(place, { incarnation: page.incarnation, after: same ? (page.events.at(-1)?.[0] ?? after) : 0 });
  }

  /** Takes the lease, and writes a little under its token, whoever may have taken it meanwhile. */
  async #guard(): Promise<void> {
    const { random } = this.#options;
    const version = await this.#versionOf(lease);
    const taken = await this.#commit([{ ...nothing, key: lease, expect: version ?? "absent", writes: true }]);
    const token = taken.kind === "applied" ? taken.results[0]?.version : undefined;
    if (token === undefined) return;
    for (let left = 1 + random.below(longestRun); left > 0; left -= 1) {
      const answer = await this.#commit([this.#appending(random.pick(lasting))], { key: lease, token });
      if (answer.kind === "refused") return;
    }
  }

  async #versionOf(key: string): Promise<number | undefined> {
    const answer = await this.#options.client.read(this.#next(), { what: "read", owner: this.#owner, key, tails: [] });
    return answer.kind === "read" ? answer.record?.version : undefined;
  }

  /** Half of them under a commit id. What may have happened is repeated under it until that is known, and so is some of what has. */
  async #commit(intents: readonly Intent[], fence?: CommitRequest["fence"]): Promise<Answer> {
    const { random, client } = this.#options;
    const name = this.#next();
    const commitId = random.below(2) === 0;
    const again = commitId && random.below(4) === 0;
    const request: CommitRequest = { what: "commit", owner: this.#owner, intents, commitId, ...(fence && { fence }) };
    const answer = await client.commit(name, request);
    if (answer.kind === "failed") await delay(pauseMs);
    if (answer.kind === "unknown" && commitId) return await this.#resolve(name, request);
    if (answer.kind === "applied" && again) await client.repeat(this.#next(), name, request);
    return answer;
  }

  async #resolve(of: string, request: CommitRequest): Promise<Answer> {
    const { client, stop } = this.#options;
    for (;;) {
      const answer = await client.repeat(this.#next(), of, request);
      if (stop.aborted || (answer.kind !== "unknown" && answer.kind !== "failed")) return answer;
      await delay(pauseMs);
    }
  }

  #appending(key: string): Intent {
    const { random } = this.#options;
    return { ...nothing, key, expect: "any", appends: { [random.pick(streams)]: 1 + random.below(longestRun) } };
  }

  #anyKey(): string {
    return this.#options.random.pick([...mortal, ...lasting]);
  }

  #next(): string {
    this.#last += 1;
    return `${this.#options.name}.${this.#last}`;
  }
}

function times<T>(count: number, item: T): readonly T[] {
  return Array.from({ length: count }, () => item);
}
