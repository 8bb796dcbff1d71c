import { UserError } from "@latentkit/jit";
import type { Tokenizer } from "../data.js";
import { BYTE_CHARACTERS, splitWords } from "./byte-level.js";
import { checkedIds, specialIds, type TokenizerJson, tokensOf } from "./tokenizer-json.js";

/** A tokenizer of any kind that `@huggingface/tokenizers` reads. @throws UserError when it does not. */
export async function libraryTokenizer(json: TokenizerJson): Promise<Tokenizer> {
  const { Tokenizer: Library } = await import("@huggingface/tokenizers");
  let library: InstanceType<typeof Library>;
  try {
    library = new Library(json, { clean_up_tokenization_spaces: false });
  } catch (error) {
    const reason = (error as Error).message;
    throw new UserError("@latentkit/core", `this tokenizer cannot be read: ${reason}; save one of another kind`);
  }
  const tokens = tokensOf(json);
  const special = specialIds(json);
  const bytesOf = isByteLevel(json) ? byteLevelBytes : (token: string) => new TextEncoder().encode(token);
  const encode = (text: string): number[] => library.encode(text, { add_special_tokens: false }).ids;
  return {
    size: tokens.length,
    encode: wordByWord(json) ? encodeWords(encode, json) : (text) => Int32Array.from(encode(text)),
    decode: (ids) =>
      ids.length === 0 ? "" : library.decode(checkedIds(ids, tokens.length), { skip_special_tokens: true }),
    bytes(id) {
      checkedIds([id], tokens.length);
      return special.has(id) ? new Uint8Array(0) : bytesOf(tokens[id] as string);
    },
    toJson: () => json,
  };
}

/** Whether tokens never reach across the words that GPT-2's pattern finds, so that each word need be encoded only once. */
function wordByWord({ normalizer, pre_tokenizer }: TokenizerJson): boolean {
  const part = pre_tokenizer as { type?: string; add_prefix_space?: boolean; use_regex?: boolean } | null | undefined;
  return (
    (normalizer ?? null) === null &&
    part?.type === "ByteLevel" &&
    part.add_prefix_space === false &&
    part.use_regex !== false
  );
}

function encodeWords(encode: (text: string) => number[], { added_tokens: added = [] }: TokenizerJson) {
  const known = new Map<string, number[]>();
  return (text: string): Int32Array => {
    if (added.some(({ content }) => text.includes(content))) return Int32Array.from(encode(text));
    const ids: number[] = [];
    for (const word of splitWords(text)) {
      let found = known.get(word);
      if (found === undefined) {
        found = encode(word);
        known.set(word, found);
      }
      for (const id of found) ids.push(id);
    }
    return Int32Array.from(ids);
  };
}

/** Whether some part of the decoder turns characters into bytes. */
function isByteLevel({ decoder }: TokenizerJson): boolean {
  const { type, decoders = [] } = (decoder ?? {}) as { type?: string; decoders?: readonly { type?: string }[] };
  return type === "ByteLevel" || decoders.some((part) => part.type === "ByteLevel");
}

const BYTE_OF = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));

/** Every character of a byte-level token is one byte; an added token is its own text. */
function byteLevelBytes(token: string): Uint8Array {
  const bytes = Array.from(token, (character) => BYTE_OF.get(character));
  return bytes.includes(undefined) ? new TextEncoder().encode(token) : Uint8Array.from(bytes as number[]);
}
