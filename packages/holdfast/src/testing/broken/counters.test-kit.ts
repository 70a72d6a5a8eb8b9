import type { Committed, Store } from "../../store/contract.ts";

/** Runs one task after another. */
export type Queue = <T>(task: () => Promise<T>) => Promise<T>;

export function oneAtATime(): Queue {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const next = last.then(task, task);
    last = next;
    return next;
  };
}

/** Adds to the first counter of a single change as read-then-write does: what was added in between is overwritten. */
export function overwritingCounters(sound: Store, queue: Queue): Pick<Store, "commit"> {
  return {
    commit: async (owner, changes, options): Promise<Committed> => {
      const [change, another] = changes;
      const [step] = change?.counters ?? [];
      if (change === undefined || step === undefined || another !== undefined)
        return sound.commit(owner, changes, options);
      const valueOf = async (): Promise<number> =>
        (await sound.read(owner, change)).record?.counters.get(step.name) ?? 0;
      const seen = await valueOf();
      return queue(async () => {
        const by = seen + step.by - (await valueOf());
        return sound.commit(owner, [{ ...change, counters: [{ ...step, by }] }], options);
      });
    },
  };
}
