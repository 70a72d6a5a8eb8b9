/**
 * How full this process's memory is. Two bounds count, whichever is nearer: V8's own limit of the old generation, at which
 * the process dies, and what the process may have in all (the container's limit, or what was set), at which it is killed.
 */
import { totalmem } from "node:os";
import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { getHeapSpaceStatistics, getHeapStatistics } from "node:v8";

import { isObject } from "../is-object.ts";

export type MemoryReading = {
  /** Bytes in use of the bound that is nearest, as far as they are known to be needed. */
  readonly usedBytes: number;
  readonly limitBytes: number;
};

export interface MemoryGauge extends Disposable {
  read(): MemoryReading;
}

/** The figures of V8 that count, as it gives them. */
export type HeapFigures = {
  /** Of the old generation: the young one is emptied into it. */
  readonly oldBytes: number;
  readonly oldLimitBytes: number;
  /** All of the heap, and what lies outside of it and is kept alive from within: buffers above all. */
  readonly totalBytes: number;
};

/**
 * What nobody has collected yet counts as used, and V8 lets it pile up while there is room. So of a present figure this
 * share of the limit is taken for garbage; what was left by the last whole collection is taken as it is.
 */
const garbageShare = 0.1;

/** @param maxBytes what the process may have in all; `Infinity`: what its container allows, if it has one. */
export function watchMemory(maxBytes: number): MemoryGauge {
  const totalBytes = Number.isFinite(maxBytes) ? maxBytes : containerBytes();
  const oldLimitBytes = oldLimit(getHeapStatistics().heap_size_limit);
  const figures = (): HeapFigures => heapFigures(oldLimitBytes);
  let kept: HeapFigures | undefined;
  const observer = new PerformanceObserver((list) => {
    if (list.getEntries().some(isWholeCollection)) kept = figures();
  });
  observer.observe({ entryTypes: ["gc"] });
  return {
    read: () => readingOf(figures(), kept, totalBytes),
    [Symbol.dispose]: () => observer.disconnect(),
  };
}

/** Node says the kind of a collection in the entry's detail, of which its types know nothing. */
function isWholeCollection(entry: PerformanceEntry): boolean {
  const detail: unknown = Reflect.get(entry, "detail");
  return isObject(detail) && detail["kind"] === constants.NODE_PERFORMANCE_GC_MAJOR;
}

/** The reading that follows from the figures of now, and from those after the last whole collection. */
export function readingOf(now: HeapFigures, kept: HeapFigures | undefined, totalBytes: number): MemoryReading {
  const bounds = [
    { limitBytes: now.oldLimitBytes, of: (figures: HeapFigures) => figures.oldBytes },
    { limitBytes: totalBytes, of: (figures: HeapFigures) => figures.totalBytes },
  ];
  const readings = bounds.map(({ limitBytes, of }): MemoryReading => {
    const settled = kept === undefined ? 0 : of(kept);
    return { usedBytes: Math.max(settled, of(now) - garbageShare * limitBytes), limitBytes };
  });
  return readings.reduce((fuller, other) => (shareOf(other) > shareOf(fuller) ? other : fuller));
}

export function shareOf({ usedBytes, limitBytes }: MemoryReading): number {
  return usedBytes / limitBytes;
}

function heapFigures(oldLimitBytes: number): HeapFigures {
  const young = getHeapSpaceStatistics().reduce(
    (bytes, { space_name: name, space_used_size: used }) => (name.startsWith("new_") ? bytes + used : bytes),
    0,
  );
  const { used_heap_size: used, external_memory: external } = getHeapStatistics();
  return { oldBytes: used - young, oldLimitBytes, totalBytes: used + external };
}

const mebi = 1024 ** 2;

/**
 * V8 tells the limit of both generations together, and dies by that of the old one. The young one has room for three
 * semi-spaces, whose default is the version's.
 *
 * @param given the command line of Node, which may say either.
 */
export function oldLimit(
  bothBytes: number,
  given: string = [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].join(" "),
  version: string = process.versions.node,
): number {
  const told = mebibytesIn(given, "max-old-space-size");
  if (told !== undefined) return Math.min(told, bothBytes);
  const semiSpace = mebibytesIn(given, "max-semi-space-size") ?? (Number.parseInt(version, 10) < 24 ? 16 : 64) * mebi;
  // Where both were limited together, the young one takes what is left of it.
  return Math.max(bothBytes - 3 * semiSpace, bothBytes / 2);
}

/** The last one given counts, for V8 too. Dashes and underscores are alike to it. */
function mebibytesIn(given: string, flag: string): number | undefined {
  const [, value] =
    [...given.replaceAll("_", "-").matchAll(new RegExp(`--${flag}=(\\d{1,9})(?!\\S)`, "g"))].at(-1) ?? [];
  return value === undefined || Number(value) === 0 ? undefined : Number(value) * mebi;
}

/** The limit that the system's control group sets, if it is one: without any, systems give nothing or more than there is. */
function containerBytes(): number {
  const given = process.constrainedMemory();
  return given !== undefined && given > 0 && given < totalmem() ? given : Number.POSITIVE_INFINITY;
}
