/** "There is no such record" needs a moment at which there may have been none. */
import type { Fault, Moment } from "../history.ts";
import type { Subject } from "../steps.ts";

/** An incarnation that was certainly there between two moments. */
type Certain = { readonly incarnation: number; from: Moment; through: Moment; witness: string };

export function checkAbsence({ owner, key, steps, sights }: Subject): readonly Fault[] {
  const lives = new Map<number, Certain>();
  const see = (incarnation: number, name: string, begunAt: Moment, endedAt: Moment): void => {
    const life = lives.get(incarnation) ?? { incarnation, from: Number.POSITIVE_INFINITY, through: 0, witness: name };
    lives.set(incarnation, life);
    if (endedAt < life.from) Object.assign(life, { from: endedAt, witness: name });
    life.through = Math.max(life.through, begunAt);
  };
  for (const { name, begunAt, endedAt, result } of steps)
    if (result !== undefined) see(result.incarnation, name, begunAt, endedAt);
  for (const { name, begunAt, endedAt, incarnation } of sights)
    if (incarnation !== undefined) see(incarnation, name, begunAt, endedAt);

  const unknownEnds = steps.filter(({ intent, result }) => intent.ends && result === undefined);
  const ended = new Set(
    steps.flatMap(({ intent, result }) => (intent.ends && result !== undefined ? [result.incarnation] : [])),
  );
  for (const life of lives.values()) {
    if (ended.has(life.incarnation)) continue;
    // Without an end it stands for ever, or until somebody may have ended it whose answer nobody had.
    const firstEnd = Math.min(...unknownEnds.map(({ begunAt }) => begunAt));
    life.through = Math.max(life.through, firstEnd);
  }

  return sights.flatMap(({ name, begunAt, endedAt, absent }): Fault[] => {
    if (absent !== true) return [];
    const there = [...lives.values()].find(({ from, through }) => from < begunAt && endedAt < through);
    if (there === undefined) return [];
    const message = `${owner} ${key}: ${name} was told that it is not there, but ${there.witness} had seen incarnation ${there.incarnation}, which had not ended`;
    return [{ rule: "absence", message, operations: [name, there.witness] }];
  });
}
