/**
 * How fast memory can be read: the most that a decoding step, which reads every weight once, can hope for. Workers take chunks of one array until
 * all are read, in plain JavaScript with eight sums, which waits for memory and not for arithmetic.
 */
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

/** Numbers in a chunk: 4 MB. */
const CHUNK = 2 ** 19;

/** The sum of the elements, by eight sums beside each other. */
function read(x, from, to) {
  let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = from; i < to; i += 8) {
    a += x[i];
    b += x[i + 1];
    c += x[i + 2];
    d += x[i + 3];
    e += x[i + 4];
    f += x[i + 5];
    g += x[i + 6];
    h += x[i + 7];
  }
  return a + b + c + d + e + f + g + h;
}

/** Workers that read memory together. Each `measure()` gives bytes a second of one pass; `close()` ends them. */
export async function openBandwidth(threads, megabytes = 512) {
  const chunks = Math.floor((megabytes * 1e6) / (8 * CHUNK));
  const numbers = new Float64Array(new SharedArrayBuffer(8 * CHUNK * chunks)).fill(1);
  const next = new Int32Array(new SharedArrayBuffer(4));
  const workers = Array.from({ length: threads }, () => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { numbers, next } });
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
      return numbers.byteLength / Math.max(...times);
    },
    close: () => Promise.all(workers.map(({ worker }) => worker.terminate())),
  };
}

if (!isMainThread) {
  const { numbers, next } = workerData;
  const sums = new Float64Array(1);
  for (let i = 0; i < 4; i++) sums[0] += read(numbers, 0, CHUNK); // compiles the loop
  parentPort.on("message", () => {
    const began = performance.now();
    let sum = 0;
    for (;;) {
      const chunk = Atomics.add(next, 0, 1);
      if (chunk * CHUNK >= numbers.length) break;
      sum += read(numbers, chunk * CHUNK, (chunk + 1) * CHUNK);
    }
    sums.fill(sum); // the work is not for nothing
    parentPort.postMessage((performance.now() - began) / 1000);
  });
  parentPort.postMessage("ready");
}
