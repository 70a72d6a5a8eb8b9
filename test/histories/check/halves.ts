/**
 * All or nothing across records. A commit that appended something anywhere has appended everything everywhere: whatever
 * was read to its end afterwards has its events. This is what tells whether an interrupted commit was applied by half.
 */
import type { Fault, History } from "../history.ts";
import type { Page, Subject } from "../steps.ts";
import { writerOf } from "./streams.ts";

export function checkHalves(history: History, subjects: readonly Subject[]): readonly Fault[] {
  const seen = new Map<string, { readonly by: string; readonly where: string }>();
  const complete = new Map<string, Page>();
  for (const { owner, key, pages } of subjects) {
    for (const page of pages) {
      for (const [, data] of page.events) {
        if (!seen.has(writerOf(data))) seen.set(writerOf(data), { by: page.name, where: `${key} "${page.stream}"` });
      }
      const place = `${owner} ${key} ${page.stream}`;
      const reachesAll = page.first === 1 && page.owed.from === 1 && page.owed.to === page.head;
      if (reachesAll && page.head >= (complete.get(place)?.head ?? 0)) complete.set(place, page);
    }
  }
  // Records of more than one incarnation have lost what earlier ones held.
  const once = new Set(subjects.filter(livedOnce).map(({ owner, key }) => `${owner} ${key}`));
  const names = new Map(
    [...complete].map(([place, { events }]) => [place, new Set(events.map(([, data]) => writerOf(data)))]),
  );
  const faults: Fault[] = [];
  for (const { name, request } of history) {
    const sight = seen.get(name);
    if (request.what !== "commit" || sight === undefined) continue;
    for (const { key, appends } of request.intents) {
      for (const stream of Object.keys(appends)) {
        const place = `${request.owner} ${key} ${stream}`;
        const page = complete.get(place);
        // Only who began after the first half was seen has to see the other.
        if (page === undefined || !once.has(`${request.owner} ${key}`) || names.get(place)?.has(name) === true)
          continue;
        const message = `${name} is in ${sight.where}, as ${sight.by} saw, but not in ${key} "${stream}", as ${page.name} saw`;
        if (beganLater(history, page.name, sight.by))
          faults.push({ rule: "all or nothing", message, operations: [name, sight.by, page.name] });
      }
    }
  }
  return faults;
}

function beganLater(history: History, later: string, earlier: string): boolean {
  const begunAt = history.find(({ name }) => name === later)?.begunAt ?? 0;
  return begunAt >= (history.find(({ name }) => name === earlier)?.endedAt ?? 0) || later === earlier;
}

function livedOnce({ steps, sights }: Subject): boolean {
  const lives = new Set<number>();
  for (const { incarnation } of sights) if (incarnation !== undefined) lives.add(incarnation);
  for (const { result } of steps) if (result !== undefined) lives.add(result.incarnation);
  return lives.size <= 1;
}
