/**
 * How fast memory can be read: the most that a decoding step, which reads every weight once, can hope for. Workers take chunks of one memory until
 * all are read, with eight loads of 16 bytes at a time.
 */
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import wabt from "wabt";

const PAGE = 2 ** 16;
/** 4 MB. */
const CHUNK = 64 * PAGE;

const lane = (i) => `(local.set $s${i} (v128.xor (local.get $s${i}) (v128.load offset=${16 * i} (local.get $from))))`;
const LANES = Array.from({ length: 8 }, (_, i) => i);
const READ = `(module
  (memory (import "env" "memory") 1 65536 shared)
  (func (export "read") (param $from i32) (param $to i32) (result i32)
    ${LANES.map((i) => `(local $s${i} v128)`).join(" ")}
    (loop $next
      ${LANES.map(lane).join("\n      ")}
      (local.set $from (i32.add (local.get $from) (i32.const 128)))
      (br_if $next (i32.lt_u (local.get $from) (local.get $to))))
    (i32x4.extract_lane 0 ${LANES.slice(1).reduce((sum, i) => `(v128.xor ${sum} (local.get $s${i}))`, "(local.get $s0)")})))`;

async function assemble() {
  const { parseWat } = await wabt();
  return new WebAssembly.Module(parseWat("read.wat", READ, { threads: true, simd: true }).toBinary({}).buffer);
}

/** Workers that read memory together. Each `measure()` gives bytes a second of one pass; `close()` ends them. */
export async function openBandwidth(threads, megabytes = 512) {
  const chunks = Math.floor((megabytes * 1e6) / CHUNK);
  const pages = (chunks * CHUNK) / PAGE;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  new Uint8Array(memory.buffer).fill(1); // pages that nobody wrote to are one page of zeros
  const next = new Int32Array(new SharedArrayBuffer(4));
  const module = await assemble();
  const workers = Array.from({ length: threads }, () => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { module, memory, next } });
    return { worker, answer: () => new Promise((resolve) => worker.once("message", resolve)) };
  });
  await Promise.all(workers.map(({ answer }) => answer()));
  return {
    async measure() {
      Atomics.store(next, 0, 0);
      const times = await Promise.all(
        workers.map(({ worker, answer }) => {
          const answered = answer();
          worker.postMessage("read");
          return answered;
        }),
      );
      return memory.buffer.byteLength / Math.max(...times);
    },
    close: () => Promise.all(workers.map(({ worker }) => worker.terminate())),
  };
}

if (!isMainThread) {
  const { module, memory, next } = workerData;
  const { read } = new WebAssembly.Instance(module, { env: { memory } }).exports;
  for (let i = 0; i < 4; i++) read(0, CHUNK);
  parentPort.on("message", () => {
    const began = performance.now();
    for (;;) {
      const from = Atomics.add(next, 0, 1) * CHUNK;
      if (from >= memory.buffer.byteLength) break;
      read(from, from + CHUNK);
    }
    parentPort.postMessage((performance.now() - began) / 1000);
  });
  parentPort.postMessage("ready");
}
