import type { Position, StoredEvent } from "../../record/record.ts";
import { utf8Length } from "../../record/text.ts";

export type Range = {
  readonly after: Position;
  readonly before?: Position | undefined;
  readonly limit: number;
  readonly maxBytes?: number | undefined;
  readonly order: "oldest" | "newest";
};

/** The retained events of one stream. Positions are `first`, `first + 1` and so on. */
export class EventLog {
  #events: StoredEvent[] = [];
  /** How many at the front are trimmed but not yet cut off: cutting on every append would copy the log each time. */
  #trimmed = 0;
  bytes = 0;

  get size(): number {
    return this.#events.length - this.#trimmed;
  }

  append(event: StoredEvent): void {
    this.#events.push(event);
    this.bytes += utf8Length(event.data);
  }

  trimThrough(position: Position): void {
    this.bytes -= this.bytesThrough(position);
    while (this.#trimmed < this.#events.length && this.#at(this.#trimmed).position <= position) this.#trimmed += 1;
    if (this.#trimmed * 2 <= this.#events.length) return;
    this.#events = this.#events.slice(this.#trimmed);
    this.#trimmed = 0;
  }

  /** Bytes that trimming through a position would free. */
  bytesThrough(position: Position): number {
    let bytes = 0;
    for (let index = this.#trimmed; index < this.#events.length; index += 1) {
      const event = this.#at(index);
      if (event.position > position) break;
      bytes += utf8Length(event.data);
    }
    return bytes;
  }

  all(): readonly StoredEvent[] {
    return this.#events.slice(this.#trimmed);
  }

  page({ after, before, limit, maxBytes, order }: Range): { events: readonly StoredEvent[]; more: boolean } {
    const low = this.#indexOf(after + 1);
    const high = before === undefined ? this.#events.length : this.#indexOf(before);
    const events: StoredEvent[] = [];
    let gathered = 0;
    for (let step = 0; step < high - low; step += 1) {
      const full = events.length >= limit || (maxBytes !== undefined && gathered >= maxBytes && events.length > 0);
      if (full) return { events, more: true };
      const event = this.#at(order === "oldest" ? low + step : high - 1 - step);
      events.push(event);
      if (maxBytes !== undefined) gathered += utf8Length(event.data);
    }
    return { events, more: false };
  }

  /** The index of the first retained event at or above a position. */
  #indexOf(position: Position): number {
    const first = this.#events[this.#trimmed]?.position;
    if (first === undefined) return this.#events.length;
    return Math.min(Math.max(this.#trimmed + position - first, this.#trimmed), this.#events.length);
  }

  #at(index: number): StoredEvent {
    const event = this.#events[index];
    if (event === undefined) throw new RangeError(`no event at ${index}`);
    return event;
  }
}
