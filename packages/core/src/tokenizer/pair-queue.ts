/** A pair of neighbouring symbols and how often it was counted when it was queued. */
export interface QueuedPair {
  readonly left: number;
  readonly right: number;
  readonly count: number;
}

/** Whether `a` is merged before `b`: the more frequent, of equals the one with the smaller ids. */
function isBefore(a: QueuedPair, b: QueuedPair): boolean {
  if (a.count !== b.count) return a.count > b.count;
  return a.left !== b.left ? a.left < b.left : a.right < b.right;
}

/** A binary heap of pairs, the next to merge on top. */
export class PairQueue {
  readonly #heap: QueuedPair[] = [];

  push(pair: QueuedPair): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(pair, heap[parent] as QueuedPair)) break;
      heap[at] = heap[parent] as QueuedPair;
      at = parent;
    }
    heap[at] = pair;
  }

  pop(): QueuedPair | undefined {
    const heap = this.#heap;
    const [top] = heap;
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) this.#sink(last);
    return top;
  }

  /** Puts a pair in the place of the top and lets it sink to its own. */
  #sink(pair: QueuedPair): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as QueuedPair, heap[child] as QueuedPair)) child++;
      if (!isBefore(heap[child] as QueuedPair, pair)) break;
      heap[at] = heap[child] as QueuedPair;
      at = child;
    }
    heap[at] = pair;
  }
}
