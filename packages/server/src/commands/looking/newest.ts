/** The newest of many, without keeping them all. */
export class Newest<T> {
  readonly #limit: number;
  readonly #timeOf: (value: T) => number;
  #kept: T[] = [];
  #seen = 0;

  constructor(limit: number, timeOf: (value: T) => number) {
    this.#limit = limit;
    this.#timeOf = timeOf;
  }

  add(value: T): void {
    this.#seen += 1;
    this.#kept.push(value);
    if (this.#kept.length >= 2 * this.#limit + 100) this.#cut();
  }

  /** How many there were in all. */
  get seen(): number {
    return this.#seen;
  }

  /** Newest first. */
  values(): readonly T[] {
    this.#cut();
    return this.#kept;
  }

  #cut(): void {
    this.#kept.sort((one, other) => this.#timeOf(other) - this.#timeOf(one));
    this.#kept.length = Math.min(this.#kept.length, this.#limit);
  }
}
