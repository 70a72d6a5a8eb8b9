import { StepLog } from "./once/step-log.ts";

/** Which call the code that runs belongs to. Found through the engine by whatever state the call touches. */
export type CallContext = {
  /** The tool's name, for reports. */
  readonly tool?: string | undefined;
  /** Tells the tool call from all others. */
  readonly id?: string | undefined;
  /** What the client calls itself. */
  readonly client?: string | undefined;
  /** Set inside a call that counts once, however often it is repeated. */
  readonly once?: OnceScope | undefined;
};

/** What a call that counts once gives to the operations made in it. */
export type OnceScope = {
  /** The id of the call's record. */
  readonly id: string;
  /** Tells apart the rounds of a call that asks: "" before the first question. */
  readonly round: string;
  /** What operations of the call were answered before. */
  readonly steps: StepLog;
  /** Tells apart operations of one name on one record: 1, 2, … in the order they are asked for. */
  ordinal(operation: string): number;
  /** What operations have to await before they are counted is awaited one by one, so that they are counted as asked for. */
  inTurn<T>(fn: () => Promise<T>): Promise<T>;
};

export function onceScope(id: string, round: string): OnceScope {
  const counts = new Map<string, number>();
  let last: Promise<unknown> = Promise.resolve();
  return {
    id,
    round,
    steps: new StepLog(id),
    ordinal: (operation) => {
      const ordinal = (counts.get(operation) ?? 0) + 1;
      counts.set(operation, ordinal);
      return ordinal;
    },
    inTurn: (fn) => {
      const next = last.then(fn, fn);
      last = next;
      return next;
    },
  };
}
