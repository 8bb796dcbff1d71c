/**
 * The safetensors format: an 8-byte little-endian header length, a JSON header, then the tensors' bytes without gaps.
 * Specification: Hugging Face, https://github.com/huggingface/safetensors#format
 *
 * Typed arrays are read and written as they lie in memory, so the host must be little-endian, as every engine's host is.
 */
import { type DType, type DTypeArrays, type HostTensor, sizeOf, UserError } from "@latentkit/jit";

/** What a safetensors file holds: tensors in the file's order, and the strings of `__metadata__`. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, HostTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Entry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

interface Encoding {
  readonly bytes: number;
  readonly dtype: DType;
  /** @param fail Throws for a value that the target type cannot hold. */
  readonly read: (bytes: Uint8Array, fail: (detail: string) => never) => DTypeArrays[DType];
}

const WRITTEN = { float32: "F32", int32: "I32", bool: "BOOL" } as const;
const METADATA = "__metadata__";
/** The reference implementation refuses longer headers. */
const MAX_HEADER = 100_000_000;

/** A copy that starts aligned for every element type. (`bytes.slice()` would not copy a Node Buffer.) */
const aligned = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

/** What can be read, and how each type arrives in ours. */
const ENCODINGS: Readonly<Record<string, Encoding>> = {
  F32: { bytes: 4, dtype: "float32", read: (b) => new Float32Array(aligned(b)) },
  I32: { bytes: 4, dtype: "int32", read: (b) => new Int32Array(aligned(b)) },
  BOOL: { bytes: 1, dtype: "bool", read: readBools },
  F64: { bytes: 8, dtype: "float32", read: (b) => Float32Array.from(new Float64Array(aligned(b))) },
  F16: { bytes: 2, dtype: "float32", read: (b) => Float32Array.from(new Uint16Array(aligned(b)), float16ToNumber) },
  BF16: { bytes: 2, dtype: "float32", read: readBfloat16 },
  I64: { bytes: 8, dtype: "int32", read: readInt64 },
  U8: { bytes: 1, dtype: "int32", read: (b) => Int32Array.from(b) },
};

/**
 * Writes tensors as one safetensors file. float32, int32 and bool become F32, I32 and BOOL.
 *
 * Four-byte tensors come first, so that all stay aligned, each group sorted by name (UTF-16 order); the header is padded with
 * spaces to 8 bytes. Equal tensors and metadata give equal bytes, whatever the order of the map.
 *
 * @throws RangeError for a tensor named `__metadata__` or one whose values do not fill its shape.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, HostTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = [...tensors].sort(writtenOrder);
  const members: string[] = [];
  if (Object.keys(metadata).length > 0) members.push(member(METADATA, sortKeys(metadata)));
  let offset = 0;
  for (const [name, tensor] of entries) {
    checkWritable(name, tensor);
    const end = offset + tensor.data.byteLength;
    members.push(member(name, { dtype: WRITTEN[tensor.dtype], shape: tensor.shape, data_offsets: [offset, end] }));
    offset = end;
  }
  const header = new TextEncoder().encode(`{${members.join(",")}}`);
  const dataStart = 8 + Math.ceil(header.length / 8) * 8;
  const file = new Uint8Array(dataStart + offset);
  file.fill(0x20, 8, dataStart);
  new DataView(file.buffer).setBigUint64(0, BigInt(dataStart - 8), true);
  file.set(header, 8);
  writeData(file.subarray(dataStart), entries);
  return file;
}

function writeData(target: Uint8Array, entries: readonly (readonly [string, HostTensor])[]): void {
  let offset = 0;
  for (const [, { data }] of entries) {
    target.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
}

function writtenOrder([a, x]: readonly [string, HostTensor], [b, y]: readonly [string, HostTensor]): number {
  return Number(x.dtype === "bool") - Number(y.dtype === "bool") || (a < b ? -1 : 1);
}

function checkWritable(name: string, { data, shape }: HostTensor): void {
  if (name === METADATA) throw new RangeError(`encodeSafetensors: a tensor cannot be named ${METADATA}`);
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(`encodeSafetensors: tensor ${name} has ${data.length} values, shape [${shape}]`);
  }
}

/** One `"key":value` of the header; objects are not built whole because they would move integer-like names to the front. */
const member = (key: string, value: unknown): string => `${JSON.stringify(key)}:${JSON.stringify(value)}`;

function sortKeys(record: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Reads a safetensors file into new arrays.
 *
 * F32, I32 and BOOL arrive as float32, int32 and bool. Other types are converted: F16 and BF16 to float32 (exact), F64 to float32
 * (to the nearest; beyond its range to infinity), U8 to int32, I64 to int32 (refused when a value does not fit).
 *
 * @param source How messages call the file, e.g. its path.
 * @throws UserError naming what is wrong: truncated or unreadable header, unknown type, bad shape, offsets that are out of range,
 *   overlap, leave gaps or disagree with the shape, a name given twice.
 */
export function decodeSafetensors(bytes: Uint8Array, source = "safetensors data"): SafetensorsFile {
  const fail = (detail: string): never => {
    throw new UserError(
      "@latentkit/core",
      `${source} is not a valid safetensors file: ${detail}; copy or create it again`,
    );
  };
  const { header, dataStart } = readHeader(bytes, fail);
  const metadata = readMetadata(header.get(METADATA), fail);
  header.delete(METADATA);
  const entries = [...header].map(([name, value]) => readEntry(name, value, fail));
  const data = bytes.subarray(dataStart);
  checkLayout(entries, data.length, fail);
  return { tensors: new Map(entries.map((entry) => [entry.name, readTensor(entry, data, fail)])), metadata };
}

type Fail = (detail: string) => never;

function readHeader(bytes: Uint8Array, fail: Fail): { header: Map<string, unknown>; dataStart: number } {
  if (bytes.length < 8) fail(`it has ${bytes.length} bytes, fewer than the 8 of the header length`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(bytes.length - 8)) fail(`header length ${length} goes beyond the file's ${bytes.length} bytes`);
  if (length > BigInt(MAX_HEADER)) fail(`header length ${length} is more than the limit of ${MAX_HEADER}`);
  const dataStart = 8 + Number(length);
  let text = "";
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, dataStart));
    value = JSON.parse(text);
  } catch (error) {
    fail(`the header is not JSON in UTF-8 (${(error as Error).message})`);
  }
  if (!isRecord(value)) return fail("the header is not a JSON object");
  const twice = firstDuplicate(topLevelKeys(text));
  if (twice !== undefined) fail(`tensor ${JSON.stringify(twice)} is given twice`);
  return { header: new Map(Object.entries(value)), dataStart };
}

/** The keys of a JSON object as written, repeats included (`JSON.parse` keeps the last only). `text` must be valid JSON. */
function topLevelKeys(text: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  let string = "";
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (token !== ":") string = token;
    else if (depth === 1) keys.push(JSON.parse(string) as string);
  }
  return keys;
}

function firstDuplicate(keys: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return keys.find((key) => seen.size === seen.add(key).size);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function readMetadata(value: unknown, fail: Fail): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value) || Object.values(value).some((item) => typeof item !== "string")) {
    return fail(`${METADATA} is not a map of strings`);
  }
  return value as Record<string, string>;
}

function readEntry(name: string, value: unknown, fail: Fail): Entry {
  const tensor = `tensor ${JSON.stringify(name)}`;
  if (!isRecord(value)) return fail(`${tensor} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  const encoding = typeof dtype === "string" && Object.hasOwn(ENCODINGS, dtype) ? ENCODINGS[dtype] : undefined;
  if (encoding === undefined) {
    return fail(`${tensor} has dtype ${JSON.stringify(dtype)}, readable are ${Object.keys(ENCODINGS).join(", ")}`);
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) return fail(`${tensor} has shape ${JSON.stringify(shape)}`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    return fail(`${tensor} has data_offsets ${JSON.stringify(offsets)}, expected [begin, end]`);
  }
  const [begin, end] = offsets as [number, number];
  const expected = sizeOf(shape) * encoding.bytes;
  if (end - begin !== expected) {
    return fail(
      `${tensor} of dtype ${dtype} and shape [${shape}] needs ${expected} bytes, its offsets give ${end - begin}`,
    );
  }
  return { name, dtype: dtype as string, shape, begin, end };
}

/** Every byte of the data must belong to exactly one tensor. */
function checkLayout(entries: readonly Entry[], size: number, fail: Fail): void {
  let position = 0;
  let before = "";
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    const tensor = `tensor ${JSON.stringify(name)}`;
    if (end > size) fail(`${tensor} ends at byte ${end}, the file holds ${size} bytes of data (truncated?)`);
    if (begin < position) fail(`${tensor} overlaps tensor ${JSON.stringify(before)}`);
    if (begin > position) fail(`bytes ${position} to ${begin} before ${tensor} belong to no tensor`);
    position = end;
    before = name;
  }
  if (position !== size) fail(`the last ${size - position} bytes belong to no tensor`);
}

function readTensor({ name, dtype, shape, begin, end }: Entry, data: Uint8Array, fail: Fail): HostTensor {
  const encoding = ENCODINGS[dtype] as Encoding;
  const values = encoding.read(data.subarray(begin, end), (detail) => fail(`tensor ${JSON.stringify(name)} ${detail}`));
  return { shape, dtype: encoding.dtype, data: values };
}

function readBools(bytes: Uint8Array, fail: Fail): Uint8Array {
  const bad = bytes.find((byte) => byte > 1);
  if (bad !== undefined) fail(`of dtype BOOL holds the byte ${bad}, expected 0 or 1`);
  return new Uint8Array(bytes);
}

function readInt64(bytes: Uint8Array, fail: Fail): Int32Array {
  const wide = new BigInt64Array(aligned(bytes));
  const bad = wide.find((value) => value !== BigInt.asIntN(32, value));
  if (bad !== undefined) fail(`of dtype I64 holds ${bad}, which int32 cannot hold`);
  return Int32Array.from(wide, Number);
}

/** bfloat16 is the upper half of a float32. */
function readBfloat16(bytes: Uint8Array): Float32Array {
  const halves = new Uint16Array(aligned(bytes));
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

/** IEEE 754-2008 binary16: 1 sign, 5 exponent, 10 fraction bits. */
function float16ToNumber(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
