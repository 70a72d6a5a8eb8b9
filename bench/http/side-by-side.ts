import type { ServerChild } from "../lib/child.ts";
import { type Comparison, type Contender, compare, throughput } from "../lib/compare.ts";
import type { Caller, OpenCaller } from "./eras.ts";

export const connections = 16;
const longestWarmUpMs = 15_000;

/** Calls per second of two servers, in turn, with so many connections to each. */
export async function sideBySide(
  ours: ServerChild,
  theirs: ServerChild,
  open: OpenCaller,
  rounds: number,
  roundMs: number,
): Promise<Comparison> {
  const callers: Caller[] = [];
  const contender = async ({ port }: ServerChild): Promise<Contender> => {
    const group = await Promise.all(Array.from({ length: connections }, (_, number) => open(port, number)));
    callers.push(...group);
    await warmUp(group, roundMs * 2);
    return () => throughput(connections, roundMs, async (worker) => await group[worker]?.call());
  };
  try {
    return await compare(await contender(ours), await contender(theirs), rounds);
  } finally {
    for (const caller of callers) caller.close();
  }
}

/** So many calls, so that code is compiled however slow the machine is, but no longer than a while. */
export async function warmUp(callers: readonly Caller[], calls: number): Promise<void> {
  const until = performance.now() + longestWarmUpMs;
  let left = calls;
  const each = callers.map(async (caller) => {
    while (left > 0 && performance.now() < until) {
      left -= 1;
      await caller.call();
    }
  });
  await Promise.all(each);
}
