/**
 * How long work gets on: one redrawn line on a terminal, a plain line now and then elsewhere. With the rate of the last
 * while rather than of all time, so that the remaining time follows what is going on.
 */
import type { Output } from "./output.ts";

export type Step = {
  /** What is being done: `copying`. */
  readonly what: string;
  readonly done: number;
  /** As far as it is known. */
  readonly of: number;
  /** What is counted: `records`. */
  readonly unit: string;
};

export interface Progress {
  step(step: Step): void;
  /** Leaves the last line standing. */
  end(): void;
}

const redrawMs = 100;
const plainMs = 5_000;
const rateWindowMs = 10_000;
const barWidth = 24;

type Sample = { readonly at: number; readonly done: number };

export type ProgressOptions = {
  readonly now?: () => number;
  /** Whether work that was over before a plain line was due gets one at its end. Default: true. */
  readonly tellShort?: boolean;
};

export function createProgress(
  out: Output,
  { now = () => performance.now(), tellShort = true }: ProgressOptions = {},
): Progress {
  const everyMs = out.interactive ? redrawMs : plainMs;
  let samples: Sample[] = [];
  let what = "";
  let last: Step | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  let told: Step | undefined;
  const tell = (step: Step): void => {
    const line = lineOf(step, samples, now(), out.interactive);
    if (out.interactive) out.raw(`\r${line}\u001b[K`);
    else out.note(line);
    toldAt = now();
    told = step;
  };
  const end = (): void => {
    if (last === undefined) return;
    const due = tellShort || out.interactive || (told !== undefined && told.what === last.what);
    if (told !== last && due) tell(last);
    if (out.interactive) out.raw("\n");
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
        toldAt = out.interactive ? Number.NEGATIVE_INFINITY : at;
      }
      last = step;
      const newest = samples.at(-1);
      if (newest === undefined || at - newest.at >= redrawMs) samples.push({ at, done: step.done });
      while (samples.length > 2 && at - (samples[0]?.at ?? at) > rateWindowMs) samples.shift();
      if (at - toldAt >= everyMs) tell(step);
    },
    end,
  };
}

function lineOf({ what, done, of, unit }: Step, samples: readonly Sample[], at: number, interactive: boolean): string {
  const part = of <= 0 ? 1 : Math.min(1, done / of);
  const from = samples[0];
  const seconds = from === undefined ? 0 : (at - from.at) / 1_000;
  const rate = from === undefined || seconds <= 0 ? 0 : (done - from.done) / seconds;
  const left = rate <= 0 || done >= of ? "" : `, ${spoken((of - done) / rate)} left`;
  const filled = Math.round(part * barWidth);
  const bar = interactive ? `[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}] ` : "";
  const counts = `${number(done)} of ${number(Math.max(of, done))} ${unit}`;
  return `${what.padEnd(9)} ${bar}${Math.floor(part * 100)}%  ${counts}  ${number(Math.round(rate))}/s${left}`;
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
