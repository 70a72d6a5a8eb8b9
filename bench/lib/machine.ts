/** What a run was made on, and how much of it others were using. */
import { cpus, totalmem } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

export type Machine = {
  readonly processor: string;
  readonly processors: number;
  readonly memoryGib: number;
  readonly node: string;
  readonly platform: string;
};

export function thisMachine(): Machine {
  const [first] = cpus();
  return {
    processor: first?.model.trim() ?? "unknown processor",
    processors: cpus().length,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
  };
}

const watchMs = 1_500;

/** How many processors are busy while we do nothing. */
export async function busyProcessors(): Promise<number> {
  const before = ticks();
  await delay(watchMs);
  const after = ticks();
  const all = after.all - before.all;
  return all === 0 ? 0 : (cpus().length * (all - (after.idle - before.idle))) / all;
}

function ticks(): { readonly all: number; readonly idle: number } {
  let all = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    all += times.user + times.nice + times.sys + times.idle + times.irq;
    idle += times.idle;
  }
  return { all, idle };
}
