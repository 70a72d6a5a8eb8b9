/**
 * Real time: what somebody was told at one moment, nobody who asks afterwards may find undone. A track is one thing that
 * only ever goes forward: the version of a document, the value of a counter, the head of a stream.
 */
import type { Fault, Moment } from "../history.ts";

/** First what counts most: `[version, 1]` is a record that ended at that version. */
export type Place = readonly [number, number];

export type Mark = {
  readonly name: string;
  readonly begunAt: Moment;
  readonly endedAt: Moment;
  readonly place: Place;
  /** Whether the operation brought the track there, or saw it there. */
  readonly moved: boolean;
};

export type Track = { readonly what: string; readonly marks: readonly Mark[] };

function comparePlaces([one, oneMore]: Place, [other, otherMore]: Place): number {
  return one - other || oneMore - otherMore;
}

/** Operations that began after the track was known to be further on than where they found it. */
export function staleMarks({ what, marks }: Track, knownAt: KnownAt): readonly Fault[] {
  const ends = marks.map((mark) => ({ mark, at: knownAt(mark) })).sort((one, other) => one.at - other.at);
  const faults: Fault[] = [];
  let furthest: Mark | undefined;
  let next = 0;
  for (const mark of marks.toSorted((one, other) => one.begunAt - other.begunAt)) {
    for (; next < ends.length; next += 1) {
      const end = ends[next];
      if (end === undefined || end.at >= mark.begunAt) break;
      if (furthest === undefined || comparePlaces(end.mark.place, furthest.place) > 0) furthest = end.mark;
    }
    if (furthest === undefined || furthest.name === mark.name) continue;
    const further = comparePlaces(mark.place, furthest.place);
    if (further > 0 || (further === 0 && !mark.moved)) continue;
    const did = mark.moved ? "moved it to" : "found it at";
    faults.push({
      rule: "real time",
      message: `${what}: ${mark.name} ${did} ${show(mark.place)} after ${furthest.name} was known to have it at ${show(furthest.place)}`,
      operations: [mark.name, furthest.name],
    });
  }
  return faults;
}

/** When it was known that the track had come to where an operation had it. */
export type KnownAt = (mark: Mark) => Moment;

/**
 * From all tracks together, when each operation that moved something was first seen to have happened: by its own answer
 * or by anybody else's, anywhere. What a commit did in one place it has then done in all.
 */
export function firstKnown(tracks: readonly Track[]): KnownAt {
  const known = new Map<string, Moment>();
  for (const { marks } of tracks) {
    let earliest = Number.POSITIVE_INFINITY;
    for (const group of groupByPlace(marks)) {
      for (const { endedAt } of group) earliest = Math.min(earliest, endedAt);
      for (const { name, moved } of group) {
        if (moved) known.set(name, Math.min(earliest, known.get(name) ?? Number.POSITIVE_INFINITY));
      }
    }
  }
  return ({ name, moved, endedAt }) => (moved ? (known.get(name) ?? endedAt) : endedAt);
}

/** From the furthest place to the nearest. */
function groupByPlace(marks: readonly Mark[]): readonly (readonly Mark[])[] {
  const groups: Mark[][] = [];
  for (const mark of marks.toSorted((one, other) => comparePlaces(other.place, one.place))) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    if (group !== undefined && first !== undefined && comparePlaces(first.place, mark.place) === 0) group.push(mark);
    else groups.push([mark]);
  }
  return groups;
}

function show([place, more]: Place): string {
  if (more === 0) return String(place);
  return more === 1 ? `the end of ${place}` : `${place}/${more}`;
}
