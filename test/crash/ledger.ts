/**
 * What the server has acknowledged, kept by those it acknowledged it to. At the end the server's state has to agree
 * with it exactly: nothing acknowledged is missing, and nothing is there twice.
 */
export type Context = { readonly totalEvents: number; readonly counters: Readonly<Record<string, unknown>> };

type Increment = { readonly by: number; readonly value: number };

export class Ledger {
  readonly #increments = new Map<string, Map<string, Increment[]>>();
  readonly #positions = new Map<string, number[]>();
  #acknowledged = 0;

  get acknowledged(): number {
    return this.#acknowledged;
  }

  get sessions(): readonly string[] {
    return [...new Set([...this.#increments.keys(), ...this.#positions.keys()])];
  }

  /** The server said that a counter, raised by `by`, is now `value`. */
  incremented(session: string, counter: string, increment: Increment): void {
    const counters = entry(this.#increments, session, () => new Map<string, Increment[]>());
    entry(counters, counter, () => []).push(increment);
    this.#acknowledged++;
  }

  /** The server said that an action was recorded at this position. */
  recorded(session: string, position: number): void {
    entry(this.#positions, session, () => []).push(position);
    this.#acknowledged++;
  }

  /** What disagrees between a session's acknowledgements and its state, a sentence each. Empty means nothing does. */
  disagreements(session: string, context: Context): readonly string[] {
    const found: string[] = [];
    for (const [name, increments] of this.#increments.get(session) ?? []) {
      // Every acknowledged value has to be the one before it plus its own step: then each step counted exactly once.
      let sum = 0;
      for (const { by, value } of increments.toSorted((one, other) => one.value - other.value)) {
        if (value !== sum + by) found.push(`${session}: counter "${name}" went from ${sum} by ${by} to ${value}`);
        sum = value;
      }
      if (context.counters[name] !== sum) {
        found.push(`${session}: counter "${name}" is ${String(context.counters[name])}, acknowledged were ${sum}`);
      }
    }
    const positions = (this.#positions.get(session) ?? []).toSorted((one, other) => one - other);
    positions.forEach((position, index) => {
      if (position !== index + 1)
        found.push(`${session}: action ${index + 1} was acknowledged at position ${position}`);
    });
    if (context.totalEvents !== positions.length) {
      found.push(`${session}: has ${context.totalEvents} actions, acknowledged were ${positions.length}`);
    }
    return found;
  }
}

function entry<V>(map: Map<string, V>, key: string, make: () => V): V {
  const there = map.get(key);
  if (there !== undefined) return there;
  const made = make();
  map.set(key, made);
  return made;
}
