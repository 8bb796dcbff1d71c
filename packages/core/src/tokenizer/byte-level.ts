/**
 * How GPT-2 makes bytes printable and cuts text into words before byte-pair encoding.
 * Radford et al., 2019, §2.2; `encoder.py` of https://github.com/openai/gpt-2
 */

/** Words with the blank before them, contractions, numbers, punctuation, and white space (the last blank goes to the word after it). */
const WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** Cuts a text into the pieces across which no merge goes; together they are the text. */
export function splitWords(text: string): string[] {
  return text.match(WORDS) ?? [];
}

/** The character that stands for each byte: itself where it is printable, else one from U+0100 on, in order of the bytes. */
export const BYTE_CHARACTERS: readonly string[] = byteCharacters();

function byteCharacters(): string[] {
  const isPrintable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPrintable(byte) ? byte : next++));
}

/** The UTF-8 bytes of a text, each as its character. */
export function toByteCharacters(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => BYTE_CHARACTERS[byte]).join("");
}
