import type { Position } from "../../record/record.ts";

/** Some of the newest entries after one position and up to another, newest first. */
export type ReadNewest = (range: {
  readonly after?: Position;
  readonly upTo?: Position;
}) => Promise<readonly { readonly position: Position; readonly data: string }[]>;

export type LogWindowInit = {
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly readNewest: ReadNewest;
};

/** However large entries are, a log keeps at least this many. */
const leastKept = 4;

/**
 * How much of a log is kept, in bytes, where stores keep by number. Remembers how large the newest entries are that went
 * through here, and looks up what others wrote in between; but only where something large comes, since of small ones
 * their number is the bound. So one large answer pushes out what no longer fits, and not everything before it.
 */
export class LogWindow {
  readonly #init: LogWindowInit;
  /** By position, over and over; 0 where it is not known. */
  #sizes: Uint32Array | undefined;
  #head: Position = 0;

  constructor(init: LogWindowInit) {
    this.#init = init;
  }

  /** Takes note of what was appended, and of where that left the head. */
  appended(data: readonly string[], head: Position): void {
    this.#raise(head);
    for (const [index, { length }] of data.entries()) this.#note(head - data.length + 1 + index, length);
  }

  /** How many of the newest entries are to stay once these are appended. Throws what reading throws. */
  async keepWith(data: readonly string[]): Promise<number> {
    const { maxEvents, maxBytes } = this.#init;
    const longest = data.reduce((longer, { length }) => Math.max(longer, length), 1);
    if (longest * maxEvents <= maxBytes) return maxEvents;
    let left = data.reduce((rest, { length }) => rest - length, maxBytes);
    let kept = data.length;
    await this.#catchUp();
    for (let position = this.#head; position > 0 && kept < maxEvents; position -= 1) {
      const size = this.#sizeOf(position) || (await this.#learn(position));
      if (size === 0 || size > left) break;
      left -= size;
      kept += 1;
    }
    return Math.min(maxEvents, Math.max(leastKept, kept));
  }

  /** Others may have written since. */
  async #catchUp(): Promise<void> {
    const found = await this.#init.readNewest({ after: this.#head });
    this.#raise(found[0]?.position ?? 0);
    for (const { position, data } of found) this.#note(position, data.length);
  }

  /** The size of an entry, looked up with those before it; 0 if it is kept no longer. */
  async #learn(position: Position): Promise<number> {
    const found = await this.#init.readNewest({ upTo: position });
    if (found[0]?.position !== position) return 0;
    for (const entry of found) this.#note(entry.position, entry.data.length);
    return this.#sizeOf(position);
  }

  #raise(head: Position): void {
    const { maxEvents } = this.#init;
    this.#sizes ??= new Uint32Array(maxEvents);
    const unknown = Math.min(head - this.#head, maxEvents);
    for (let back = 0; back < unknown; back += 1) this.#sizes[(head - back) % maxEvents] = 0;
    this.#head = Math.max(this.#head, head);
  }

  #note(position: Position, size: number): void {
    const { maxEvents } = this.#init;
    if (this.#sizes !== undefined && position > this.#head - maxEvents) this.#sizes[position % maxEvents] = size;
  }

  #sizeOf(position: Position): number {
    return this.#sizes?.[position % this.#init.maxEvents] ?? 0;
  }
}
