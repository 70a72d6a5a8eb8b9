import { commitIdWindowMs } from "../../record/commit-ids.ts";
import type { CommitId, CommitOutcome, RememberedCommit } from "../../store/contract.ts";

/** Internal ids kept per record. */
const ringSize = 64;

/** An outcome and how many records still count it among their newest. */
export type Remembered = CommitOutcome & { readonly id: string; readonly origin: CommitId["origin"]; holders: number };

/** The newest internal outcomes of one record, oldest first. */
export type Ring = Remembered[];

/** The commit ids of one owner. What is past its window is forgotten whenever the next id is looked at. */
export class CommitIds {
  // Maps keep insertion order and each window has one length: what is to be forgotten is always in front.
  readonly #byOrigin = { caller: new Map<string, Remembered>(), internal: new Map<string, Remembered>() };
  readonly #onForget: () => void;

  constructor(onForget: () => void) {
    this.#onForget = onForget;
  }

  get size(): number {
    return this.#byOrigin.caller.size + this.#byOrigin.internal.size;
  }

  /** Ids of callers among them: those a quota counts. */
  get ofCallers(): number {
    return this.#byOrigin.caller.size;
  }

  find(id: string, now: number): Remembered | undefined {
    this.forgetOld(now);
    return this.#byOrigin.caller.get(id) ?? this.#byOrigin.internal.get(id);
  }

  remember(commitId: CommitId, outcome: CommitOutcome, rings: readonly Ring[]): void {
    const remembered = { ...outcome, id: commitId.id, origin: commitId.origin, holders: rings.length };
    this.#byOrigin[commitId.origin].set(commitId.id, remembered);
    if (commitId.origin === "caller") return;
    for (const ring of rings) {
      ring.push(remembered);
      const displaced = ring.length > ringSize ? ring.shift() : undefined;
      if (displaced !== undefined) this.#release(displaced);
    }
  }

  /** Outcomes of callers' ids after one of them, in the order of the ids. */
  ofCallersAfter(after: string, now: number): readonly RememberedCommit[] {
    this.forgetOld(now);
    return [...this.#byOrigin.caller.values()]
      .filter(({ id }) => id > after)
      .sort((one, other) => (one.id < other.id ? -1 : 1))
      .map(({ id, digest, at, results }) => ({ id, digest, at, results }));
  }

  /** Those that are not remembered and whose time is not over. */
  newTo(commits: readonly RememberedCommit[], now: number): readonly RememberedCommit[] {
    this.forgetOld(now);
    const { caller, internal } = this.#byOrigin;
    return commits.filter(({ id, at }) => !caller.has(id) && !internal.has(id) && at + commitIdWindowMs.caller > now);
  }

  /** Takes in outcomes of callers that are new here. */
  take(commits: readonly RememberedCommit[]): void {
    const { caller } = this.#byOrigin;
    const all = [...caller.values(), ...commits.map(taken)].sort((one, other) => one.at - other.at);
    caller.clear();
    for (const remembered of all) caller.set(remembered.id, remembered);
  }

  forgetOld(now: number): void {
    for (const origin of ["caller", "internal"] as const) {
      for (const remembered of this.#byOrigin[origin].values()) {
        if (remembered.at + commitIdWindowMs[origin] > now) break;
        this.#forget(remembered);
      }
    }
  }

  forgetAll(): void {
    for (const known of Object.values(this.#byOrigin))
      for (const remembered of known.values()) this.#forget(remembered);
  }

  #release(remembered: Remembered): void {
    remembered.holders -= 1;
    if (remembered.holders === 0) this.#forget(remembered);
  }

  #forget(remembered: Remembered): void {
    const known = this.#byOrigin[remembered.origin];
    // The id may have been given a new outcome since its old one was forgotten.
    if (known.get(remembered.id) !== remembered) return;
    known.delete(remembered.id);
    this.#onForget();
  }
}

function taken(commit: RememberedCommit): Remembered {
  // The giver keeps its objects; what is stored must not change with them.
  const results = commit.results.map((result) => ({
    ...result,
    counters: new Map(result.counters),
    heads: new Map(result.heads),
  }));
  return { ...commit, results, origin: "caller", holders: 0 };
}
