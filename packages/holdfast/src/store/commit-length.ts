/** How much of a batch a commit takes: a batch is bounded by what it costs the server, not only by how many share it. */
import type { Change } from "../record/change.ts";

/** What each piece of a commit costs beside the text it brings, in characters. */
export type PieceLengths = {
  /** An event, an append, a trim, or a change itself. */
  readonly step: number;
  readonly counter: number;
};

export function lengthOf(changes: readonly Change[], pieces: PieceLengths): number {
  let length = 0;
  for (const { create, document, counters, appends = [], trims } of changes) {
    length += (create?.text.length ?? 0) + (document?.text.length ?? 0);
    length += pieces.step * (1 + (trims?.length ?? 0)) + pieces.counter * (counters?.length ?? 0);
    for (const { data } of appends) {
      length += pieces.step * (1 + data.length);
      for (const text of data) length += text.length;
    }
  }
  return length;
}
