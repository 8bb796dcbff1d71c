import { join } from "node:path";
import { hostTensor } from "@latentkit/core";
import { describe, expect, it } from "vitest";
import { allOf, expectRefusal, put, temporaryFolder } from "../test/files.js";
import { encodeWav, vowels, wav } from "./index.js";

const folder = temporaryFolder();

/** Power of a waveform at a frequency. */
function power(x: ArrayLike<number>, frequency: number, rate: number): number {
  let [re, im] = [0, 0];
  for (let t = 0; t < x.length; t++) {
    re += (x[t] as number) * Math.cos((2 * Math.PI * frequency * t) / rate);
    im += (x[t] as number) * Math.sin((2 * Math.PI * frequency * t) / rate);
  }
  return re * re + im * im;
}

describe("vowels", () => {
  it("are a function of the seed, loud but not clipped", async () => {
    const options = { train: 40, test: 5, length: 400 };
    const [a, again, other] = await Promise.all([0, 0, 1].map((seed) => vowels(options).load(seed)));
    if (!a || !again || !other) throw new Error("three data sets expected");
    expect(a.datum).toMatchObject({ shape: [400], range: [-1, 1], classes: 5 });
    expect(a.sampleRate).toBe(8000);
    const values = allOf(a.splits.train);
    expect(values).toEqual(allOf(again.splits.train));
    expect(values).not.toEqual(allOf(other.splits.train));
    for (let i = 0; i < 40; i++) {
      const peak = Math.max(...values.slice(i * 400, (i + 1) * 400).map(Math.abs));
      expect(peak).toBeGreaterThanOrEqual(0.4999);
      expect(peak).toBeLessThanOrEqual(0.9001);
    }
  });

  it("carry their formants: the second one of ee is high, that of oo low", async () => {
    const { splits } = await vowels({ train: 200, test: 1, length: 512 }).load(0);
    const { x, label } = splits.train.gather(Array.from({ length: 200 }, (_, i) => i));
    const band = (sound: ArrayLike<number>, low: number, high: number) => {
      let sum = 0;
      for (let f = low; f < high; f += 15) sum += power(sound, f, 8000);
      return sum;
    };
    const ratio = [0, 1, 2, 3, 4].map((vowel) => {
      const logs: number[] = [];
      for (let i = 0; i < 200; i++) {
        if (label?.data[i] !== vowel) continue;
        const sound = x?.data.subarray(i * 512, (i + 1) * 512) as Float32Array;
        logs.push(Math.log(band(sound, 2000, 2600) / band(sound, 700, 1200)));
      }
      return logs.reduce((sum, log) => sum + log, 0) / logs.length;
    });
    expect(ratio[0]).toBeGreaterThan(0); // ee: 2290 Hz above 870
    expect(ratio[4]).toBeLessThan(-1); // oo: 870 Hz above 2290
    expect(ratio[2]).toBeLessThan(-1); // ah: 730 and 1090 Hz
  });
});

describe("wav", () => {
  const tone = (n: number, length: number) =>
    hostTensor(
      Float32Array.from({ length: n * length }, (_, t) => 0.8 * Math.sin((2 * Math.PI * 440 * (t % length)) / 8000)),
      [n, length],
    );

  it("reads what was written, but for the rounding to 16 bits, with silence between", async () => {
    const path = put(folder, "tones.wav", encodeWav(tone(3, 800), 8000));
    const data = await wav(path, { length: 800 }).load(0);
    expect(data.sampleRate).toBe(8000);
    expect([data.splits.train.size, data.splits.test.size]).toEqual([4, 1]); // 3 x 0.1 s of tone, 2 x 0.1 s of silence
    const all = [...allOf(data.splits.train), ...allOf(data.splits.test)];
    const windows = Array.from({ length: 5 }, (_, i) => all.slice(i * 800, (i + 1) * 800));
    const loud = windows.filter((window) => Math.max(...window) > 0.7);
    for (const window of loud) {
      const error = window.map((value, t) => Math.abs(value - (tone(1, 800).data[t] as number)));
      expect(Math.max(...error)).toBeLessThan(1e-4);
    }
    expect(loud).toHaveLength(3);
  });

  it("reads a folder of one rate, and refuses what is no sound", async () => {
    const data = await wav(folder, { length: 100 }).load(0);
    expect(Object.keys(data.files)).toEqual(["tones.wav"]);
    put(folder, "other.wav", encodeWav(tone(1, 800), 16_000));
    await expectRefusal(wav(folder).load(0), /holds sounds of 16000 and 8000 Hz|8000 and 16000 Hz/);
    const broken = put(folder, "broken.wav", "RIFF, but no more");
    await expectRefusal(wav(broken).load(0), /broken.wav is not a WAV file/);
    await expectRefusal(wav(join(folder, "tones.wav"), { length: 4000 }).load(0), /no examples|1 example/);
  });
});
