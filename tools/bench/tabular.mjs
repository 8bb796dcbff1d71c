/**
 * Tables of 6, 21 and 43 columns whose density is known exactly, so that a model can be graded by its gap to it.
 *
 * - `mixture`: eight Gaussians with full covariances.
 * - `copula`: a Gaussian copula of random correlations; every column bent by a monotonic map: log-normal, bimodal, heavy-tailed.
 * - `process`: a nonlinear chain, each column from the two before it, with noise that they scale.
 */
import { hostKey, hostTensor, philoxNormal, philoxUniform } from "@latentkit/core";

export const TABLES = ["mixture-6", "copula-21", "process-43"];

const MAKERS = { mixture, copula, process };

/** A data source with the mean exact log-density of its test rows, in nats of the standardised columns. */
export function table(name, { train = 20_000, test = 5_000, seed = 0 } = {}) {
  const [kind, dims] = name.split("-");
  const D = Number(dims);
  const { draw, logDensity } = MAKERS[kind](D, seed);
  const [trainRows, testRows] = [draw(train, "train"), draw(test, "test")];
  const moments = Array.from({ length: D }, (_, d) => momentsOf(trainRows.map((row) => row[d])));
  const logStd = moments.reduce((sum, { std }) => sum + Math.log(std), 0);
  const floor = testRows.map((row) => logDensity(row) + logStd);
  const split = (rows) => {
    const scaled = rows.map((row) => row.map((x, d) => (x - moments[d].mean) / moments[d].std));
    return {
      size: rows.length,
      fields: { x: { shape: [D], dtype: "float32" } },
      gather: (indices) => ({
        x: hostTensor(Float32Array.from(Array.from(indices).flatMap((i) => scaled[i])), [indices.length, D]),
      }),
    };
  };
  const dataset = {
    name,
    title: name,
    datum: { kind: "continuous", shape: [D] },
    licence: "none",
    source: "drawn from a known density",
    files: {},
    splits: { train: split(trainRows), test: split(testRows) },
  };
  return { floor, source: { name, options: {}, load: async () => dataset } };
}

function momentsOf(values) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, std: Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length) };
}

const normals = (seed, name, n, D) => {
  const drawn = philoxNormal(hostKey(seed, name), n * D);
  return Array.from({ length: n }, (_, i) => Array.from(drawn.subarray(i * D, (i + 1) * D)));
};

const LOG_2PI = Math.log(2 * Math.PI);
const logNormal = (z) => -0.5 * z.reduce((sum, v) => sum + v * v + LOG_2PI, 0);

/** Lower triangle with positive diagonal: a covariance by its Cholesky factor. */
function factor(seed, name, D, strength) {
  return normals(seed, name, D, D).map((row, i) =>
    row.map((v, j) => (j < i ? (strength * v) / Math.sqrt(D) : j === i ? 0.4 + Math.abs(v) / 2 : 0)),
  );
}

const times = (L, z) => L.map((row) => row.reduce((sum, v, j) => sum + v * z[j], 0));

function solve(L, x) {
  const z = [];
  for (let i = 0; i < x.length; i++) {
    let rest = x[i];
    for (let j = 0; j < i; j++) rest -= L[i][j] * z[j];
    z.push(rest / L[i][i]);
  }
  return z;
}

const logDiagonal = (L) => L.reduce((sum, row, i) => sum + Math.log(row[i]), 0);

function mixture(D, seed) {
  const K = 8;
  const centres = normals(seed, "centres", K, D).map((row) => row.map((v) => 2 * v));
  const factors = Array.from({ length: K }, (_, k) => factor(seed, `factor${k}`, D, 1.5));
  return {
    draw(n, name) {
      const which = philoxUniform(hostKey(seed, `${name} component`), n);
      return normals(seed, name, n, D).map((z, i) => {
        const k = Math.floor(which[i] * K);
        return times(factors[k], z).map((v, d) => v + centres[k][d]);
      });
    },
    logDensity(x) {
      const terms = factors.map(
        (L, k) =>
          logNormal(
            solve(
              L,
              x.map((v, d) => v - centres[k][d]),
            ),
          ) - logDiagonal(L),
      );
      const top = Math.max(...terms);
      return top + Math.log(terms.reduce((sum, t) => sum + Math.exp(t - top), 0)) - Math.log(K);
    },
  };
}

/** Monotonic maps: value and log-slope. */
const BENDS = [
  { bend: (z) => Math.exp(0.7 * z), slope: (z) => Math.log(0.7) + 0.7 * z },
  { bend: (z) => z + 1.5 * Math.tanh(3 * z), slope: (z) => Math.log(1 + 4.5 / Math.cosh(3 * z) ** 2) },
  { bend: Math.sinh, slope: (z) => Math.log(Math.cosh(z)) },
];

function copula(D, seed) {
  const raw = factor(seed, "factor", D, 2);
  const L = raw.map((row) => row.map((v) => v / Math.hypot(...row))); // unit variances: a correlation
  const kept = new Map();
  return {
    draw: (n, name) =>
      normals(seed, name, n, D).map((noise) => {
        const z = times(L, noise);
        const x = z.map((v, d) => BENDS[d % 3].bend(v));
        kept.set(x, { z, noise });
        return x;
      }),
    logDensity(x) {
      const { z, noise } = kept.get(x); // the tanh has no inverse in closed form: drawn rows remember where they are from
      return logNormal(noise) - logDiagonal(L) - z.reduce((sum, v, d) => sum + BENDS[d % 3].slope(v), 0);
    },
  };
}

function process(D, seed) {
  const weights = normals(seed, "weights", D, 2);
  const place = (x, d) => {
    const [a, b] = [x[d - 1] ?? 0, x[d - 2] ?? 0];
    const [u, v] = weights[d];
    return { mean: Math.sin(2 * a + u) + 0.3 * v * b, std: 0.2 + 0.4 / (1 + Math.exp(-3 * b * u)) };
  };
  return {
    draw: (n, name) =>
      normals(seed, name, n, D).map((noise) => {
        const x = [];
        for (let d = 0; d < D; d++) {
          const { mean, std } = place(x, d);
          x.push(mean + std * noise[d]);
        }
        return x;
      }),
    logDensity(x) {
      const z = x.map((v, d) => {
        const { mean, std } = place(x, d);
        return (v - mean) / std;
      });
      return logNormal(z) - x.reduce((sum, _, d) => sum + Math.log(place(x, d).std), 0);
    },
  };
}
