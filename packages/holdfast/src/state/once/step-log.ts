/**
 * The steps of one call that counts once, as one run of it knows them: read on from where it stopped before, so that a call
 * which is run again reads each of them once, however many operations ask, and in pages, however large they are together.
 */
import type { Owner, Position } from "../../record/record.ts";
import type { Store } from "../../store/contract.ts";
import { parseStored } from "../json.ts";
import { callKey, stepsStream } from "./record.ts";

/** What one run of a call remembers of documents and events, whatever it does. */
const maxRunBytes = 4_194_304;
const pageBytes = 1_048_576;
const pageSteps = 1_000;

type Known = {
  /** As they were stored, by commit id. */
  readonly texts: Map<string, string>;
  through: Position;
  reading: Promise<void>;
};

export class StepLog {
  readonly #callId: string;
  readonly #known = new Map<Owner, Known>();
  readonly #kept = new Map<string, number>();
  #keptBytes = 0;

  constructor(callId: string) {
    this.#callId = callId;
  }

  /** Whether a step of so many bytes may be remembered; it is counted if so, once however often its commit is tried. */
  hasRoomFor(commitId: string, bytes: number): boolean {
    const before = this.#kept.get(commitId) ?? 0;
    if (this.#keptBytes - before + bytes > maxRunBytes) return false;
    this.#keptBytes += bytes - before;
    this.#kept.set(commitId, bytes);
    return true;
  }

  async find(
    store: Pick<Store, "read">,
    owner: Owner,
    commitId: string,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const known = this.#knownOf(owner);
    if (!known.texts.has(commitId)) {
      // One after the other: who comes second finds what the first one read.
      const read = known.reading.then(() => this.#readOn(store, owner, known, commitId, signal));
      known.reading = read.catch(() => undefined);
      await read;
    }
    return known.texts.get(commitId);
  }

  #knownOf(owner: Owner): Known {
    const standing = this.#known.get(owner);
    if (standing !== undefined) return standing;
    const known: Known = { texts: new Map(), through: 0, reading: Promise.resolve() };
    this.#known.set(owner, known);
    return known;
  }

  async #readOn(
    store: Pick<Store, "read">,
    owner: Owner,
    known: Known,
    commitId: string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    while (!known.texts.has(commitId)) {
      const tail = { stream: stepsStream, after: known.through, limit: pageSteps, maxBytes: pageBytes };
      const { tails } = await store.read(owner, callKey(this.#callId), { tails: [tail], signal });
      const page = tails[0] ?? [];
      for (const { position, data } of page) {
        // Written by `remembering`.
        const step = parseStored(data, "a step of a call") as { readonly commitId: string };
        known.texts.set(step.commitId, data);
        known.through = position;
      }
      if (page.length === 0) return;
    }
  }
}
