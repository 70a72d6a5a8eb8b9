/** Real time for all parts of all records, from the versions, counters and heads that every answer carries. */
import type { Fault } from "../history.ts";
import type { Step, Subject } from "../steps.ts";
import { firstKnown, type Mark, type Place, staleMarks, type Track } from "./tracks.ts";
import type { Makers } from "./versions.ts";

/** @param subjects each with what made its versions. */
export function checkOrder(subjects: readonly (readonly [Subject, Makers])[]): readonly Fault[] {
  const tracks = subjects.flatMap(([subject, makers]) => tracksOf(subject, makers));
  const knownAt = firstKnown(tracks);
  return tracks.flatMap((track) => staleMarks(track, knownAt));
}

function tracksOf(subject: Subject, makers: Makers): readonly Track[] {
  const where = `${subject.owner} ${subject.key}`;
  const tracks = new Map<string, Mark[]>();
  const mark = (
    what: string,
    { name, begunAt, endedAt }: Omit<Mark, "place" | "moved">,
    place: Place,
    moved: boolean,
  ): void => {
    const marks = tracks.get(what) ?? [];
    tracks.set(what, marks);
    marks.push({ name, begunAt, endedAt, place, moved });
  };
  const made = new Map<Step, number>();
  for (const [version, step] of makers) made.set(step, version);

  for (const step of subject.steps) {
    const version = made.get(step);
    if (step.result === undefined) {
      if (version !== undefined) mark("version", step, [version, 0], true);
      continue;
    }
    const { result, intent } = step;
    mark("version", step, [result.version, 0], version !== undefined);
    mark("incarnation", step, [result.incarnation, 0], result.created);
    if (intent.ends) {
      mark("version", step, [result.version, 1], true);
      mark("incarnation", step, [result.incarnation, 1], true);
    }
    for (const [name, value] of Object.entries(result.counters)) {
      mark(`counter ${name}`, step, [result.incarnation, value], true);
    }
    for (const [name, head] of Object.entries(result.heads)) {
      mark(`stream ${name}`, step, [result.incarnation, head], (intent.appends[name] ?? 0) > 0);
    }
  }
  const names = [...tracks.keys()];
  for (const sight of subject.sights) {
    const { version, incarnation, counters, heads, whole } = sight;
    if (version !== undefined) mark("version", sight, [version, 0], false);
    if (incarnation === undefined) continue;
    mark("incarnation", sight, [incarnation, 0], false);
    for (const name of names) {
      const [part, inner = ""] = name.split(" ");
      const seen = part === "counter" ? counters : part === "stream" ? heads : undefined;
      // What a whole answer does not have is 0.
      const value = seen?.[inner] ?? (seen !== undefined && whole ? 0 : undefined);
      if (value !== undefined) mark(name, sight, [incarnation, value], false);
    }
  }
  return [...tracks].map(([what, marks]) => ({ what: `${where} ${what}`, marks }));
}
