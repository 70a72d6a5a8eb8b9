/**
 * One value per version, and one commit per version: each version of an incarnation was made by exactly one commit that
 * was acknowledged, or that may have been applied. n log n, because every answer carries its version.
 */
import type { Fault, Moment, Operation } from "../history.ts";
import type { Step, Subject } from "../steps.ts";

/** Which step made which version, as far as answers tell. */
export type Makers = ReadonlyMap<number, Step>;

export type Versions = { readonly makers: Makers; readonly faults: readonly Fault[] };

export function checkVersions(subject: Subject, undone: ReadonlyMap<string, Operation>): Versions {
  const faults: Fault[] = [];
  const complain = (message: string, ...operations: readonly string[]): void => {
    faults.push({ rule: "versions", message: `${subject.owner} ${subject.key}: ${message}`, operations });
  };
  const makers = new Map<number, Step>();
  for (const step of subject.steps) {
    if (step.result === undefined) continue;
    const wrong = wrongResult(step);
    if (wrong !== undefined) complain(wrong, step.name);
    if (!makesVersion(step)) continue;
    const { version } = step.result;
    const other = makers.get(version);
    if (other !== undefined)
      complain(`${other.name} and ${step.name} both made version ${version}`, other.name, step.name);
    else makers.set(version, step);
  }
  readDocuments(subject, makers, undone, complain);
  const lives = livesOf(subject);
  fillGaps(subject, lives, makers, complain);
  checkIncarnations(subject, lives, complain);
  return { makers, faults };
}

type Complain = (message: string, ...operations: readonly string[]) => void;

/** A creation writes its document in any case. */
function makesVersion({ intent, result }: Step): boolean {
  return intent.writes || result?.created === true;
}

/** What an acknowledgement says that cannot be, whatever others did. */
function wrongResult({ name, intent, result }: Step): string | undefined {
  if (result === undefined) return undefined;
  const { version, incarnation, created } = result;
  const { expect, writes } = intent;
  if (created && version !== incarnation) return `${name} created version ${version} of incarnation ${incarnation}`;
  if (incarnation > version) return `${name} answered version ${version}, before its incarnation ${incarnation} began`;
  if (created && (typeof expect === "number" || expect === "present")) return `${name} created what had to be there`;
  if (!created && expect === "absent") return `${name} found there what had to be absent`;
  if (typeof expect !== "number") return undefined;
  const due = expect + (writes ? 1 : 0);
  return version === due ? undefined : `${name} expected version ${expect} and answered ${version}, not ${due}`;
}

/** Documents tell who made their version. */
function readDocuments(
  subject: Subject,
  makers: Map<number, Step>,
  undone: ReadonlyMap<string, Operation>,
  complain: Complain,
): void {
  const byName = new Map(subject.steps.map((step) => [step.name, step]));
  const seenAt = new Map<Step, number>();
  for (const [version, step] of makers) seenAt.set(step, version);
  for (const { name, version, document } of subject.sights) {
    if (version === undefined || document === undefined) continue;
    const maker = makers.get(version);
    if (maker?.name === document) continue;
    const writer = byName.get(document);
    if (maker !== undefined) {
      complain(
        `${name} read version ${version} as of ${document}, but ${maker.name} made it`,
        name,
        document,
        maker.name,
      );
    } else if (writer === undefined) {
      const reason = undone.has(document)
        ? `${document} was not applied: so its caller was told`
        : "nobody here wrote that";
      complain(`${name} read version ${version} as ${JSON.stringify(document)}: ${reason}`, name, document);
    } else if (seenAt.has(writer)) {
      complain(
        `${document} was applied twice: as version ${seenAt.get(writer)}, and ${name} read it as version ${version}`,
        document,
        name,
      );
    } else {
      makers.set(version, writer);
      seenAt.set(writer, version);
    }
  }
}

/** Versions that nobody read and nobody was told of have to be of commits whose outcome is unknown. */
function fillGaps(subject: Subject, lives: readonly Life[], makers: Makers, complain: Complain): void {
  const used = new Set(makers.values());
  const unknown = subject.steps.filter((step) => step.result === undefined && !used.has(step));
  for (const { start, sightings } of lives) {
    const falling = sightings.toSorted((one, other) => other.version - one.version);
    // For each version from the last to the first: who was first to see it, or one after it.
    const gaps: { readonly version: number; readonly seen: Sighting }[] = [];
    let [seen] = falling;
    let next = 0;
    for (let version = seen?.version ?? start; version >= start && seen !== undefined; version -= 1) {
      for (
        let sighting = falling[next];
        sighting !== undefined && sighting.version >= version;
        sighting = falling[next]
      ) {
        if (sighting.endedAt < seen.endedAt) seen = sighting;
        next += 1;
      }
      if (!makers.has(version)) gaps.push({ version, seen });
    }
    // From the first on: whoever may have made one version early enough may have made a later one as well.
    for (const { version, seen: first } of gaps.reverse()) {
      const fits = unknown.filter(
        (step) => !used.has(step) && step.begunAt <= first.endedAt && mayMake(step, version, version === start),
      );
      const maker = fits.find(({ intent }) => typeof intent.expect === "number") ?? fits[0];
      if (maker === undefined) {
        complain(`nobody made version ${version}, and ${first.name} saw ${first.version}`, first.name);
        continue;
      }
      // It may as well have been another: enough to explain the version, and nothing to conclude from.
      used.add(maker);
    }
  }
}

function mayMake({ intent: { expect, writes } }: Step, version: number, begins: boolean): boolean {
  if (begins) return expect === "absent" || expect === "any";
  if (!writes || expect === "absent") return false;
  return typeof expect === "number" ? expect === version - 1 : true;
}

/** Incarnations do not overlap, and each ends once, at its last version. */
function checkIncarnations({ steps }: Subject, lives: readonly Life[], complain: Complain): void {
  const unknownEnds = steps.some(({ result, intent }) => result === undefined && intent.ends);
  const endings = new Map<number, Step>();
  for (const step of steps) {
    if (step.result === undefined || !step.intent.ends) continue;
    const other = endings.get(step.result.incarnation);
    if (other === undefined) endings.set(step.result.incarnation, step);
    else
      complain(
        `${other.name} and ${step.name} both ended incarnation ${step.result.incarnation}`,
        other.name,
        step.name,
      );
  }
  for (const [index, { start, sightings }] of lives.entries()) {
    const next = lives[index + 1];
    const ending = endings.get(start);
    const [furthest] = sightings.toSorted((one, other) => other.version - one.version);
    if (furthest === undefined) continue;
    if (next !== undefined && furthest.version >= next.start) {
      complain(
        `${furthest.name} saw version ${furthest.version} of incarnation ${start}, though ${next.start} had begun another`,
        furthest.name,
      );
    }
    if (next !== undefined && ending === undefined && !unknownEnds) {
      complain(`incarnation ${next.start} began, though nobody ended ${start}`, next.sightings[0]?.name ?? "");
    }
    const last = ending?.result?.version;
    if (ending !== undefined && last !== undefined && furthest.version > last) {
      complain(
        `${furthest.name} saw version ${furthest.version}, though ${ending.name} had ended it at ${last}`,
        furthest.name,
        ending.name,
      );
    }
  }
}

type Sighting = { readonly name: string; readonly version: number; readonly endedAt: Moment };

/** One incarnation and everything that saw a version of it. */
type Life = { readonly start: number; readonly sightings: readonly Sighting[] };

function livesOf({ steps, sights }: Subject): readonly Life[] {
  const told = [
    ...sights,
    ...steps.flatMap(({ name, endedAt, result }) => {
      return result === undefined ? [] : [{ name, endedAt, version: result.version, incarnation: result.incarnation }];
    }),
  ];
  const lives = new Map<number, Sighting[]>();
  for (const { name, endedAt, version, incarnation } of told) {
    if (incarnation === undefined) continue;
    const life = lives.get(incarnation) ?? [];
    lives.set(incarnation, life);
    life.push({ name, endedAt, version: version ?? incarnation });
  }
  const starts = [...lives.keys()].sort((one, other) => one - other);
  for (const { name, endedAt, version, incarnation } of told) {
    if (incarnation !== undefined || version === undefined) continue;
    // Who was told a version alone saw the incarnation that had it: the last that had begun by then.
    const start = lastUpTo(starts, version);
    if (start === undefined) {
      lives.set(version, [...(lives.get(version) ?? []), { name, endedAt, version }]);
    } else lives.get(start)?.push({ name, endedAt, version });
  }
  return [...lives].map(([start, sightings]) => ({ start, sightings })).sort((one, other) => one.start - other.start);
}

/** The last of some rising numbers that is not above a limit. */
function lastUpTo(numbers: readonly number[], limit: number): number | undefined {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return numbers[low - 1];
}
