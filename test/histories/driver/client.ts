/** One store, asked in the words of a history and recorded. */
import { type Change, HoldfastError, type Owner, type RecordKey, type Store } from "holdfast/contract";

import type { Answer, Intent, Request, Result, SeenRecord } from "../history.ts";
import type { Recorder } from "./recorder.ts";

type CommitRequest = Extract<Request, { readonly what: "commit" }>;
type ReadRequest = Extract<Request, { readonly what: "read" }>;
type EventsRequest = Extract<Request, { readonly what: "events" }>;

export class RecordingClient {
  readonly #store: Store;
  readonly #recorder: Recorder;

  constructor(store: Store, recorder: Recorder) {
    this.#store = store;
    this.#recorder = recorder;
  }

  commit(name: string, request: CommitRequest): Promise<Answer> {
    return this.#recorder.record(name, request, () => answered(() => this.#commit(name, request)));
  }

  /** The same commit once more, under the id it had. */
  repeat(name: string, of: string, request: CommitRequest): Promise<Answer> {
    return this.#recorder.record(name, { what: "repeat", of }, () => answered(() => this.#commit(of, request)));
  }

  read(name: string, request: ReadRequest): Promise<Answer> {
    return this.#recorder.record(name, request, () =>
      answered(async () => {
        const { record, tails } = await this.#store.read(ownerOf(request.owner), keyOf(request.key), {
          tails: request.tails,
        });
        const seen =
          record &&
          ({
            version: record.version,
            incarnation: record.incarnation,
            document: nameIn(record.document),
            counters: Object.fromEntries(record.counters),
            streams: Object.fromEntries(record.streams),
          } satisfies SeenRecord);
        return { kind: "read", record: seen, tails: tails.map(pairs) };
      }),
    );
  }

  events(name: string, request: EventsRequest): Promise<Answer> {
    const { owner, key, stream, after, limit } = request;
    return this.#recorder.record(name, request, () =>
      answered(async () => {
        const page = await this.#store.events(ownerOf(owner), keyOf(key), stream, { after, limit });
        return { kind: "events", page: page && { ...page, events: pairs(page.events) } };
      }),
    );
  }

  async #commit(name: string, { owner, intents, commitId, fence }: CommitRequest): Promise<Answer> {
    const committed = await this.#store.commit(
      ownerOf(owner),
      intents.map((intent) => changeOf(name, intent)),
      {
        commitId: commitId ? { id: name, digest: name, origin: "caller" } : undefined,
        fence: fence && { key: keyOf(fence.key), token: fence.token },
      },
    );
    if (committed.ok) {
      const results = committed.results.map(
        ({ version, incarnation, created, counters, heads }): Result => ({
          version,
          incarnation,
          created,
          counters: Object.fromEntries(counters),
          heads: Object.fromEntries(heads),
        }),
      );
      return { kind: "applied", replayed: committed.replayed, results };
    }
    const { refusal } = committed;
    const actual = refusal.reason === "version" || refusal.reason === "fence" ? refusal.actual : undefined;
    return { kind: "refused", reason: refusal.reason, index: "index" in refusal ? refusal.index : 0, actual };
  }
}

/** What a store may say when it is hard to reach. Anything else is no answer but a fault. */
async function answered(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    if (error.code === "OUTCOME_UNKNOWN") return { kind: "unknown" };
    if (error.code === "UNAVAILABLE") return { kind: "failed", code: error.code };
    throw error;
  }
}

function changeOf(name: string, { key, expect, writes, counters, appends, ends }: Intent): Change {
  const text = documentOf(name);
  return {
    ...keyOf(key),
    expect,
    ...((expect === "absent" || expect === "any") && { create: { text, lifetime: {} } }),
    ...(writes && { document: { text } }),
    counters: Object.entries(counters).map(([counter, by]) => ({ name: counter, by })),
    appends: Object.entries(appends).map(([stream, count]) => ({
      stream,
      data: Array.from({ length: count }, (_, index) => `${name}#${index}`),
    })),
    ...(ends && { end: true }),
  };
}

/** Documents of many lengths, so that one that was torn or mixed would show. */
function documentOf(name: string): string {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.charCodeAt(0)) % 997;
  return JSON.stringify({ by: name, padding: "ü".repeat(hash) });
}

/** Whose document it is; a text that nobody wrote is given as it is. */
function nameIn(text: string): string {
  const name = /^\{"by":"([^"]+)"/.exec(text)?.[1];
  return name !== undefined && documentOf(name) === text ? name : text;
}

function pairs(
  events: readonly { readonly position: number; readonly data: string }[],
): readonly (readonly [number, string])[] {
  return events.map(({ position, data }) => [position, data]);
}

/** Owners are digests; any text of their shape will do here. */
function ownerOf(owner: string): Owner {
  return owner as Owner;
}

function keyOf(key: string): RecordKey {
  const [kind = "", id = ""] = key.split("/");
  return { kind, id };
}
