import type { Executable, HostTensor } from "@latentkit/jit";

/** A program that starts as one executable and goes on as another when it has run so often. Runs are counted, not timed, so that equal calls compute the same bits. */
export class RepeatedExecutable implements Executable {
  #runs = 0;
  #ended: Promise<void> = Promise.resolve();

  /**
   * @param current For the first runs. @param after How many those are.
   * @param another Makes the one for all others.
   */
  constructor(
    private current: Executable,
    private readonly after: number,
    private readonly another: () => Executable,
  ) {}

  run(inputs: readonly HostTensor[]): Promise<readonly HostTensor[]> {
    if (this.#runs++ === this.after) {
      const first = this.current;
      this.current = this.another(); // at once: runs keep their order
      this.#ended = first.dispose();
    }
    return this.current.run(inputs);
  }

  async dispose(): Promise<void> {
    this.#runs = Number.POSITIVE_INFINITY; // a disposed program is not made again
    await Promise.all([this.#ended, this.current.dispose()]);
  }
}
