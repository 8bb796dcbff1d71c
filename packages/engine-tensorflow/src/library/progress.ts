/** How far an installation is. */
export interface SetupProgress {
  readonly stage: "download" | "unpack" | "check";
  /** What it is at: the name of a package or file. */
  readonly what: string;
  readonly bytes: number;
  readonly total?: number | undefined;
}

/** What all stages of an installation are given. */
export interface Watch {
  readonly onProgress?: ((progress: SetupProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}
