/**
 * Philox4x32-10 and its distributions in plain TypeScript: the definition, and what runs where WebAssembly SIMD is missing.
 * `philox.wat` is the same arithmetic, four blocks at a time; a test compares the two bit for bit.
 */

/** Two or four 32-bit words; signed and unsigned values mean the same bits. */
export type Words = ArrayLike<number>;

/** What a run of random words is turned into. */
export type Distribution = "bits" | "uniform" | "normal";

/** Fills `out` from the words of blocks 0, 1, …; `out` is an `Int32Array` for bits and a `Float32Array` otherwise. */
export type Fill = (distribution: Distribution, key: Words, out: Int32Array | Float32Array) => void;

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const WEYL0 = 0x9e3779b9;
const WEYL1 = 0xbb67ae85;

/** The high 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0;
  const carry = (Math.imul(aLow, bHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carry >>> 16)) | 0;
}

/**
 * Encrypts one counter into `out[at .. at + 3]`.
 * Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011, §3.3. https://doi.org/10.1145/2063384.2063405
 */
export function encrypt(c0: number, c1: number, c2: number, c3: number, key: Words, out: Int32Array, at: number): void {
  let k0 = (key[0] as number) | 0;
  let k1 = (key[1] as number) | 0;
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(c0, M0);
    const low0 = Math.imul(c0, M0);
    const high1 = mulHigh(c2, M1);
    c0 = high1 ^ c1 ^ k0;
    c1 = Math.imul(c2, M1);
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL0) | 0;
    k1 = (k1 + WEYL1) | 0;
  }
  out[at] = c0;
  out[at + 1] = c1;
  out[at + 2] = c2;
  out[at + 3] = c3;
}

function fillBits(key: Words, out: Int32Array): void {
  const whole = out.length & ~3;
  for (let at = 0; at < whole; at += 4) encrypt(at >>> 2, 0, 0, 0, key, out, at);
  if (whole === out.length) return;
  const last = new Int32Array(4);
  encrypt(whole >>> 2, 0, 0, 0, key, last, 0);
  out.set(last.subarray(0, out.length - whole), whole);
}

function toUniform(words: Int32Array, out: Float32Array): void {
  for (let i = 0; i < words.length; i++) out[i] = ((words[i] as number) >>> 8) * 2 ** -24;
}

/** `sqrt(-2 ln u)` for `u = m * 2^-24`, `1 <= m <= 2^24`, by the series of `2 atanh((f - 1) / (f + 1)) = ln f`. */
function radius(m: number): number {
  let e = 31 - Math.clz32(m);
  let f = m / (1 << e);
  if (f >= Math.SQRT2) {
    f *= 0.5;
    e += 1;
  }
  const s = (f - 1) / (f + 1);
  const z = s * s;
  const series = (((((z * (1 / 13) + 1 / 11) * z + 1 / 9) * z + 1 / 7) * z + 1 / 5) * z + 1 / 3) * z + 1;
  return Math.sqrt((24 - e) * (2 * Math.LN2) - 4 * s * series);
}

/** Sine of `t` in [-pi/4, pi/4), Taylor to `t^11`; `y = t * t`. */
function sine(t: number, y: number): number {
  return (((((y * (-1 / 39916800) + 1 / 362880) * y - 1 / 5040) * y + 1 / 120) * y - 1 / 6) * y + 1) * t;
}

/** Cosine of `t` in [-pi/4, pi/4), Taylor to `t^12`; `y = t * t`. */
function cosine(y: number): number {
  return (((((y * (1 / 479001600) - 1 / 3628800) * y + 1 / 40320) * y - 1 / 720) * y + 1 / 24) * y - 0.5) * y + 1;
}

/**
 * Pairs of words to pairs of standard normals. Logarithm, sine and cosine are our own series in float64 (relative error below 2e-11):
 * JavaScript engines differ in theirs, and the same key must give the same bits everywhere.
 * Box and Muller, "A note on the generation of random normal deviates", 1958. https://doi.org/10.1214/aoms/1177706645
 */
function toNormal(words: Int32Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i += 2) {
    const r = radius(((words[i] as number) >>> 8) + 1);
    const angle = (words[i + 1] as number) >>> 8;
    const quarter = (angle + 0x200000) >>> 22;
    const t = (angle - (quarter << 22)) * ((2 * Math.PI) / 2 ** 24);
    const odd = (quarter & 1) === 1;
    const sin = sine(t, t * t);
    const cos = cosine(t * t);
    const x = odd ? sin : cos;
    const y = odd ? cos : sin;
    out[i] = r * (((quarter + 1) & 2) === 0 ? x : -x);
    out[i + 1] = r * ((quarter & 2) === 0 ? y : -y); // past the end, and ignored, when the length is odd
  }
}

/** {@link Fill} in plain TypeScript. */
export const fillJs: Fill = (distribution, key, out) => {
  if (distribution === "bits") return fillBits(key, out as Int32Array);
  const words = new Int32Array(out.length + (out.length & 1));
  fillBits(key, words);
  if (distribution === "uniform") toUniform(words.subarray(0, out.length), out as Float32Array);
  else toNormal(words, out as Float32Array);
};
