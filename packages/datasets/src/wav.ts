import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type DatasetSource, type HostTensor, sizeOf } from "@latentkit/core";
import wavefile from "wavefile";
import { z } from "zod";
import { defineDataset, sourceOf } from "./define.js";
import { fileHashes, parseOnce, type SourceFile } from "./file.js";
import { heldOutOptions, holdOut } from "./held-out.js";
import { refusal } from "./refusal.js";
import { floatSplit } from "./split.js";

const options = z.object({
  length: z.int().min(2).default(512).describe("the number of values of one example, an integer from 2"),
  ...heldOutOptions,
});

export type WavOptions = z.input<typeof options>;

/** `wav:PATH`: windows of a recording. */
export const wavFactory = defineDataset({
  name: "wav",
  summary: "windows of a WAV file, or of all in a folder; channels are mixed to one",
  argument: "PATH",
  options,
  read: async ({ name, argument, seed, options: { length, ...held } }) => {
    const files = await Promise.all((await filesOf(argument)).map((path) => parseOnce(path, "wav", decodeWav)));
    const rates = new Set(files.map(({ content }) => content.rate));
    if (rates.size > 1)
      throw refusal(`${argument} holds sounds of ${[...rates].join(" and ")} Hz; convert them to one rate`);
    const windows = files.flatMap(({ content: { values } }) =>
      Array.from({ length: Math.floor(values.length / length) }, (_, i) =>
        values.subarray(i * length, (i + 1) * length),
      ),
    );
    const { train, test } = holdOut(`${argument} (windows of ${length} values)`, windows.length, seed, held);
    const split = (indices: Int32Array) => {
      const values = new Float32Array(indices.length * length);
      for (const [i, from] of indices.entries()) values.set(windows[from] as Float32Array, i * length);
      return floatSplit(values, [length]);
    };
    return {
      name,
      title: name,
      datum: { kind: "continuous", shape: [length], range: [-1, 1] },
      sampleRate: [...rates][0] as number,
      licence: "unknown",
      source: argument,
      files: fileHashes(files),
      splits: { train: split(train), test: split(test) },
    };
  },
});

/** Windows of `length` values of a WAV file, or of every `.wav` of a folder; 10 % are held out as test split. */
export function wav(path: string, options: WavOptions = {}): DatasetSource {
  return sourceOf(wavFactory, options, path);
}

async function filesOf(path: string): Promise<string[]> {
  const info = await stat(path).catch(() => undefined);
  if (!info?.isDirectory()) return [path]; // a missing file is reported when it is read
  const names = (await readdir(path)).filter((name) => /\.wave?$/i.test(name)).sort();
  if (names.length === 0) throw refusal(`${path} holds no .wav files; give a file or a folder of them`);
  return names.map((name) => join(path, name));
}

/** A sound: values in [-1, 1], and how many of them are a second. */
interface Sound {
  readonly rate: number;
  readonly values: Float32Array;
}

function decodeWav({ path, bytes }: SourceFile): Sound {
  try {
    const file = new wavefile.WaveFile(bytes);
    file.toBitDepth("32f");
    const samples = file.getSamples(false, Float64Array) as unknown as Float64Array | Float64Array[];
    const channels = Array.isArray(samples) ? samples : [samples];
    const [first = new Float64Array(0)] = channels;
    const mixed = first.map(
      (_, t) => channels.reduce((sum, channel) => sum + (channel[t] as number), 0) / channels.length,
    );
    return { rate: (file.fmt as { sampleRate: number }).sampleRate, values: Float32Array.from(mixed) };
  } catch (error) {
    throw refusal(`${path} is not a WAV file that can be read (${(error as Error).message}); convert it`, error);
  }
}

/** Seconds of silence between two sounds. */
const GAP = 0.1;

/**
 * The bytes of a WAV file, 16 bits a value, that plays some waveforms one after another.
 *
 * @param x Shape `(n, ...)`, values in [-1, 1]; those outside are clipped. @param rate Values a second.
 */
export function encodeWav({ shape: [n = 0, ...rest], data }: HostTensor, rate: number): Uint8Array {
  const length = sizeOf(rest);
  const gap = Math.round(GAP * rate);
  const values = new Int16Array(n * length + Math.max(0, n - 1) * gap);
  for (let i = 0; i < n; i++) {
    for (let t = 0; t < length; t++) {
      const value = Math.max(-1, Math.min(1, data[i * length + t] as number));
      values[i * (length + gap) + t] = Math.round(32767 * value);
    }
  }
  const file = new wavefile.WaveFile();
  file.fromScratch(1, rate, "16", values as unknown as number[]);
  return file.toBuffer();
}
