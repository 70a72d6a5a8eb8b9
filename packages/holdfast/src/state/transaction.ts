import type { Append, CounterChange } from "../record/change.ts";
import type { KindDefinition } from "./definition.ts";
import { jsonText } from "./json.ts";
import { checkBounds } from "./method-options.ts";
import { invalid } from "./refusals.ts";
import type { CounterBounds, Transaction } from "./types.ts";

/** One event as stored. Throws `INVALID_ARGUMENT` unless it is JSON within the kind's limit. */
export function eventText(kind: KindDefinition, event: unknown): string {
  return jsonText(event, "the event", kind.maxEventBytes);
}

/** One append as every kind does it: the newest events are kept, up to the kind's limit. */
export function appendOf(kind: KindDefinition, stream: string, data: readonly string[], expectedHead?: number): Append {
  return { stream, data, keep: kind.maxEventsKept, expectedHead };
}

export function counterOf(name: string, by: number, { min, max }: CounterBounds): CounterChange {
  return { name, by, min, max };
}

export type Collected = {
  readonly appends: readonly Append[] | undefined;
  readonly counters: readonly CounterChange[] | undefined;
};

/** What an update function asked for besides the document. One per attempt; closed when the function is done. */
export class CollectedTransaction implements Transaction {
  readonly #kind: KindDefinition;
  #appends: Append[] | undefined;
  #counters: CounterChange[] | undefined;
  #closed = false;

  constructor(kind: KindDefinition) {
    this.#kind = kind;
  }

  append(stream: string, event: unknown): void {
    this.#refuseIfClosed();
    this.#appends ??= [];
    this.#appends.push(appendOf(this.#kind, stream, [eventText(this.#kind, event)]));
  }

  increment(counter: string, by = 1, bounds: CounterBounds = {}): void {
    this.#refuseIfClosed();
    checkBounds("increment", bounds);
    this.#counters ??= [];
    this.#counters.push(counterOf(counter, by, bounds));
  }

  /** What was collected. Nothing can be added afterwards: it would be lost. */
  close(): Collected {
    this.#closed = true;
    return { appends: this.#appends, counters: this.#counters };
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw invalid("the update function is done; its transaction takes nothing more");
  }
}
