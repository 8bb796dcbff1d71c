import { widthOf } from "../../terminal.js";

/** Breaks a line between words so that it fits the terminal; lines after the first are indented. */
export function wrap(text: string, indent: number, width = process.stdout.columns || 110): string[] {
  const [lead = ""] = /^ */.exec(text) ?? [];
  const lines: string[] = [];
  let line = "";
  for (const word of text.slice(lead.length).split(" ")) {
    const start = lines.length === 0 ? lead : " ".repeat(indent);
    const longer = line === "" ? start + word : `${line} ${word}`;
    const tooLong = widthOf(longer) > width && line !== "";
    if (tooLong) lines.push(line);
    line = tooLong ? " ".repeat(indent) + word : longer;
  }
  return [...lines, line];
}
