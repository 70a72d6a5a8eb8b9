/** A place in the order of creation. */
export type Node<T> = { readonly sequence: number; readonly value: T; gone: boolean };

export type Slice<T> = { readonly values: readonly T[]; readonly next: number | undefined };

/** Values in the order they were added, readable from any point, with removals that move nobody else. */
export class CreationOrder<T> {
  #nodes: Node<T>[] = [];
  #gone = 0;

  /** @param sequence above every sequence added before. */
  add(sequence: number, value: T): Node<T> {
    const node = { sequence, value, gone: false };
    this.#nodes.push(node);
    return node;
  }

  remove(node: Node<T>): void {
    if (node.gone) return;
    node.gone = true;
    this.#gone += 1;
    // Rebuilding once half is gone keeps removals cheap and memory within twice what is held.
    if (this.#gone * 2 <= this.#nodes.length) return;
    this.#nodes = this.#nodes.filter(({ gone }) => !gone);
    this.#gone = 0;
  }

  get isEmpty(): boolean {
    return this.#nodes.length === this.#gone;
  }

  /** Values beyond a sequence that `wanted` accepts; `next` is the sequence to go on from, if there are more. */
  slice(from: number | undefined, limit: number, order: "oldest" | "newest", wanted: (value: T) => boolean): Slice<T> {
    const step = order === "oldest" ? 1 : -1;
    const values: T[] = [];
    let last: number | undefined;
    for (let index = this.#start(from, order); index >= 0 && index < this.#nodes.length; index += step) {
      const node = this.#nodes[index];
      if (node === undefined || node.gone || !wanted(node.value)) continue;
      if (values.length === limit) return { values, next: last };
      values.push(node.value);
      last = node.sequence;
    }
    return { values, next: undefined };
  }

  #start(from: number | undefined, order: "oldest" | "newest"): number {
    if (from === undefined) return order === "oldest" ? 0 : this.#nodes.length - 1;
    return order === "oldest" ? this.#firstAbove(from) : this.#firstAbove(from - 1) - 1;
  }

  #firstAbove(sequence: number): number {
    let low = 0;
    let high = this.#nodes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#nodes[middle]?.sequence ?? 0) <= sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
