/**
 * How long work gets on: one redrawn line on a terminal, a plain line now and then elsewhere. With the rate of the last
 * while rather than of all time, so that the remaining time follows what is going on.
 */
import type { Output } from "./output.ts";

export type Step = {
  /** What is being done: `copying`. */
  readonly what: string;
  readonly done: number;
  /** As far as it is known; absent where nobody can say. */
  readonly of?: number | undefined;
  /** What is counted: `records`. */
  readonly unit: string;
};

export interface Progress extends Disposable {
  step(step: Step): void;
  /** Leaves the last line standing, or takes it away where it is passing. */
  end(): void;
}

const redrawMs = 100;
const plainMs = 5_000;
const rateWindowMs = 10_000;
/** The widest that leaves room for the rest of the line. */
const barWidths = [24, 16, 8] as const;
/** What is over sooner is over before anybody wonders. */
const wonderMs = 500;

type Sample = { readonly at: number; readonly done: number };

export type ProgressOptions = {
  readonly now?: () => number;
  /** Whether work that was over before a plain line was due gets one at its end. Default: true. */
  readonly tellShort?: boolean;
  /** Whether the line goes once the work is over: what was looked for is the answer, and not the looking. Default: false. */
  readonly passing?: boolean;
};

export function createProgress(
  out: Output,
  { now = () => performance.now(), tellShort = true, passing = false }: ProgressOptions = {},
): Progress {
  const everyMs = out.interactive ? redrawMs : plainMs;
  let samples: Sample[] = [];
  let what = "";
  let last: Step | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  let told: Step | undefined;
  const tell = (step: Step): void => {
    const line = lineOf(step, samples, now(), out.interactive ? out.columns : undefined);
    if (out.interactive) out.raw(`\r${line}\u001b[K`);
    else out.note(line);
    toldAt = now();
    told = step;
  };
  const end = (): void => {
    if (last === undefined) return;
    const seen = told !== undefined && told.what === last.what;
    if (passing) {
      if (seen && out.interactive) out.raw("\r\u001b[K");
    } else {
      if (told !== last && (tellShort || out.interactive || seen)) tell(last);
      if (out.interactive) out.raw("\n");
    }
    last = undefined;
  };
  return {
    step(step) {
      const at = now();
      if (step.what !== what) {
        end();
        samples = [];
        what = step.what;
        // What was there before this run says nothing about how fast it gets on.
        samples.push({ at, done: step.done });
        toldAt = at;
        if (out.interactive) toldAt = passing ? at + wonderMs - redrawMs : Number.NEGATIVE_INFINITY;
      }
      last = step;
      const newest = samples.at(-1);
      if (newest === undefined || at - newest.at >= redrawMs) samples.push({ at, done: step.done });
      while (samples.length > 2 && at - (samples[0]?.at ?? at) > rateWindowMs) samples.shift();
      if (at - toldAt >= everyMs) tell(step);
    },
    end,
    [Symbol.dispose]: end,
  };
}

/** The line for a terminal of so many columns, or without a bar. A line that wraps could not be drawn over. */
function lineOf(step: Step, samples: readonly Sample[], at: number, columns: number | undefined): string {
  const { what, done, of, unit } = step;
  const from = samples[0];
  const seconds = from === undefined ? 0 : (at - from.at) / 1_000;
  const rate = from === undefined || seconds <= 0 ? 0 : (done - from.done) / seconds;
  const speed = `${number(Math.round(rate))}/s`;
  if (of === undefined) {
    const line = `${what.padEnd(9)} ${number(done)} ${unit}  ${speed}`;
    return columns === undefined ? line : line.slice(0, columns - 1);
  }
  const part = of <= 0 ? 1 : Math.min(1, done / of);
  const left = rate <= 0 || done >= of ? "" : `, ${spoken((of - done) / rate)} left`;
  const percent = `${Math.floor(part * 100)}%`;
  const counts = `${number(done)} of ${number(Math.max(of, done))} ${unit}`;
  const plain = `${what.padEnd(9)} ${percent}  ${counts}  ${speed}${left}`;
  if (columns === undefined) return plain;
  const lines = [
    ...barWidths.map((width) => `${what.padEnd(9)} ${barOf(part, width)} ${percent}  ${counts}  ${speed}${left}`),
    ...barWidths.map((width) => `${what} ${barOf(part, width)} ${percent} ${speed}${left}`),
    `${what} ${percent} ${speed}${left}`,
  ];
  return lines.find((line) => line.length < columns) ?? percent.slice(0, Math.max(0, columns - 1));
}

function barOf(part: number, width: number): string {
  const filled = Math.round(part * width);
  return `[${"#".repeat(filled)}${"-".repeat(width - filled)}]`;
}

function number(value: number): string {
  return value.toLocaleString("en-US");
}

/** `4 s`, `3 min 20 s`, `1 h 05 min` */
export function spoken(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3_600)} h ${String(Math.floor((whole % 3_600) / 60)).padStart(2, "0")} min`;
}
