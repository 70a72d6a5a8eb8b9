import type { Change, ChangeResult } from "../../../record/change.ts";
import type { RecordKey, Version } from "../../../record/record.ts";
import { type CallDocument, callCreation, callDocument, callKey, callLifetime, resumesCounter } from "./call-record.ts";

/** What is true of a call once one entry of its stream is in the log. */
export type CallStep = {
  readonly guard: CallGuard;
  readonly document: CallDocument;
  /** Nothing of the call follows this entry. */
  readonly ends: boolean;
};

/**
 * A node's hold on a streamed call: every commit to its stream names the call's record at the version this node left it
 * at. Once another node has declared the call lost, that record is over, and nothing more of the call can be written
 * here, however late this process wakes up.
 */
export class CallGuard {
  readonly streamId: string;
  readonly #key: RecordKey;
  #version: Version | undefined;
  #text: string | undefined;
  #resumes: number;
  #taken = false;

  /** With what stands, if the record is there already. */
  constructor(
    streamId: string,
    standing?: { readonly version: Version; readonly document: CallDocument; readonly resumes: number },
  ) {
    this.streamId = streamId;
    this.#key = callKey(streamId);
    this.#version = standing?.version;
    this.#text = standing && JSON.stringify(standing.document);
    this.#resumes = standing?.resumes ?? 0;
  }

  /** Whether another node has ended the call. */
  get taken(): boolean {
    return this.#taken;
  }

  /** How often the stream had been resumed when it was last written to. */
  get resumes(): number {
    return this.#resumes;
  }

  /** What goes along with the entries of a step. Undefined where the call began and ended in one commit. */
  change({ document, ends }: CallStep): Change | undefined {
    if (this.#version === undefined) {
      return ends ? undefined : { ...this.#key, expect: "absent", create: callCreation(document) };
    }
    const text = JSON.stringify(document);
    return {
      ...this.#key,
      expect: this.#version,
      // Adds nothing: so that the commit says who has resumed the stream meanwhile.
      counters: [{ name: resumesCounter, by: 0 }],
      ...(ends && { end: true }),
      ...(!ends && text !== this.#text && { document: callDocument(document), lifetime: callLifetime(document) }),
    };
  }

  committed({ document }: CallStep, result: ChangeResult): void {
    this.#version = result.version;
    this.#text = JSON.stringify(document);
    this.#resumes = result.counters.get(resumesCounter) ?? this.#resumes;
  }

  refused(): void {
    this.#taken = true;
  }
}
