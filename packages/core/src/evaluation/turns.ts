/** The longest that a computation on the host keeps timers, signals and other work waiting, in milliseconds. */
const SLICE_MS = 40;

/**
 * Shares the event loop during long loops: `if (turns.due()) await turns.give();` in the outer loop. Progress lines, Ctrl-C and servers
 * stay alive while millions of distances are computed.
 */
export class Turns {
  #end = performance.now() + SLICE_MS;

  /** Whether others have waited long enough. */
  due(): boolean {
    return performance.now() > this.#end;
  }

  /** Lets everything else that is ready run first. */
  async give(): Promise<void> {
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    this.#end = performance.now() + SLICE_MS;
  }
}
