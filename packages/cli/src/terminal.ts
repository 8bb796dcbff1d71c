/** What colour support depends on; `process.stdout` and `process.stderr` are such streams. */
export interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

type Paint = (text: string) => string;

/** Text in colours, or as it is. */
export interface Colors {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
}

const CODES = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

/** Colours when the stream is a terminal that has them. `NO_COLOR` and `FORCE_COLOR` decide when set: https://no-color.org, https://force-color.org. */
export function colorsFor(stream: Stream, env: NodeJS.ProcessEnv = process.env): Colors {
  const on = wantsColor(stream, env);
  const paint =
    ([open, close]: readonly [number, number]): Paint =>
    (text) =>
      on && text !== "" ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return Object.fromEntries(Object.entries(CODES).map(([name, codes]) => [name, paint(codes)])) as unknown as Colors;
}

function wantsColor({ isTTY }: Stream, { NO_COLOR, FORCE_COLOR, TERM }: NodeJS.ProcessEnv): boolean {
  if (NO_COLOR !== undefined && NO_COLOR !== "") return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== "") return FORCE_COLOR !== "0" && FORCE_COLOR !== "false";
  return isTTY === true && TERM !== "dumb";
}

/** Length of a text on screen: colours take no room. */
export function widthOf(text: string): number {
  return [...text.replace(ESCAPES, "")].length;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one
const ESCAPES = /\u001b\[[0-9;]*m/g;
