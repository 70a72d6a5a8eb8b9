/** Every operation of state, in calls that are cut off after each of their commits, and run again at another node. */
import { randomBytes } from "node:crypto";
import { HoldfastError, holdfast, sealingKeys } from "holdfast";
import type { Store } from "holdfast/contract";
import { memoryStore } from "holdfast/stores/memory";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { durableStores, openAlone, openDurable } from "../lib/durable-stores.ts";
import { type Operation, operations } from "./operations.ts";
import { kinds, type OnceHold, Trial } from "./trial.ts";

const sealing = { keys: sealingKeys({ current: "k", keys: { k: randomBytes(32).toString("base64") } }) };

/** A store whose commits can be made to fail as a dying process has it: made, but never heard of; and none after it. */
class Doomed {
  readonly store: Store;
  /** Commits that are heard of still. */
  left = Number.POSITIVE_INFINITY;
  made = 0;

  constructor(store: Store) {
    this.store = new Proxy(store, {
      get: (target, name) => {
        if (name === "commit") return this.#commit.bind(this, target);
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  async #commit(target: Store, ...given: Parameters<Store["commit"]>): ReturnType<Store["commit"]> {
    if (this.left < 0) throw new HoldfastError("CLOSED", "cut off");
    this.left -= 1;
    this.made += 1;
    const committed = await target.commit(...given);
    if (this.left < 0) throw new HoldfastError("CLOSED", "cut off");
    return committed;
  }
}

describe.each(["memory", ...durableStores])("on %s, inside calls that count once,", (name) => {
  let doomed: Doomed;
  let first: OnceHold;
  let other: OnceHold;
  let trials = 0;
  const closing: AsyncDisposable[] = [];

  beforeAll(async () => {
    const open = async (store: Store): Promise<OnceHold> => {
      const hold = await holdfast({ store, kinds, sealing, reap: false });
      closing.unshift(hold, store);
      return hold;
    };
    if (name === "memory") {
      const store = await memoryStore();
      doomed = new Doomed(store);
      [first, other] = [await open(doomed.store), await open(store)];
      return;
    }
    const durable = await openDurable(name);
    closing.unshift(durable);
    doomed = new Doomed(await openAlone(durable.url));
    [first, other] = [await open(doomed.store), await open(await openAlone(durable.url))];
  });

  afterAll(async () => {
    // Holds before their stores.
    for (const one of closing) await one[Symbol.asyncDispose]();
  });

  /** The first run, cut off after so many commits, or between the last of them and its answer. */
  async function cutOff(trial: Trial, operation: Operation, given: string, commits: number): Promise<unknown> {
    let answer: unknown;
    const run = trial.state.once({ name: "call", key: "k" }, async () => {
      doomed.left = commits;
      doomed.made = 0;
      try {
        answer = await operation.run(trial, given);
      } finally {
        // The call's lease is given back, so that nobody waits for its end.
        doomed.left = Number.POSITIVE_INFINITY;
      }
      throw new Error("cut off before its answer");
    });
    await expect(run).rejects.toThrow("cut off");
    return answer;
  }

  async function begin(operation: Operation): Promise<{ readonly trial: Trial; readonly given: string }> {
    trials += 1;
    const trial = new Trial(first, `caller ${trials}`);
    return { trial, given: (await operation.prepare?.(trial)) ?? "" };
  }

  test.each(Object.entries(operations))("%s has one effect and one answer", async (_operation, operation) => {
    const uncut = await begin(operation);
    const answer = await operation.run(uncut.trial, uncut.given);
    const effect = await operation.effect(uncut.trial, uncut.given);

    let commits = 0;
    for (let isCut = true; isCut; commits++) {
      const { trial, given } = await begin(operation);
      isCut = (await cutOff(trial, operation, given, commits)) === undefined;
      const again = trial.at(other);
      const repeated = await again.state.once({ name: "call", key: "k" }, () => operation.run(again, given));
      expect({ commits, repeated }).toEqual({ commits, repeated: answer });
      expect({ commits, effect: await operation.effect(again, given) }).toEqual({ commits, effect });
    }
    if (operation.meanwhile === undefined) return;

    const { trial, given } = await begin(operation);
    expect(await cutOff(trial, operation, given, Number.POSITIVE_INFINITY)).toEqual(answer);
    const again = trial.at(other);
    await operation.meanwhile(again, given);
    const left = await operation.effect(again, given).catch(String);
    const repeated = await again.state.once({ name: "call", key: "k" }, () => operation.run(again, given));
    expect(repeated).toEqual(answer);
    expect(await operation.effect(again, given).catch(String)).toEqual(left);
  });
});
