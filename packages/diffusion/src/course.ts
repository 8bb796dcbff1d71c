import { fold, type Key, normal } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { type Diffusion, type DiffusionParams, denoise, nullLabels } from "./denoiser.js";
import type { Level, Levels } from "./process/level.js";
import type { Combination, Evaluation } from "./samplers/plan.js";

/*
 * Carries out a sampler's plan as a scan. The plan is a table that travels with x, and step i reads row i: the compiled step knows no coefficient, so
 * it is one program for every sampler, any number of steps and any guidance.
 */

/** What happens along the way, besides the plan. */
export interface Course {
  readonly plan: readonly Evaluation[];
  /** Guidance at a level: 0 without the class, 1 with it. */
  guidance(level: Level): number;
  /** Keep D in [-1, 1]. */
  readonly clip: boolean;
}

/** What is carried from step to step. Memories only if the plan has them. */
export interface Carry {
  readonly x: Tensor;
  readonly a?: Tensor;
  readonly b?: Tensor;
  readonly table: Tensor;
  /** Factor that gives x about unit variance when looked at on the way; 1 at the end. Scalar. */
  readonly view: Tensor;
  /** int32 `(n,)` when conditional. */
  readonly label?: Tensor;
  /** Scaled data that are known, and where they are not (1). */
  readonly known?: Tensor;
  readonly mask?: Tensor;
  readonly [name: string]: Tensor | undefined;
}

const TERMS = ["x", "a", "b", "denoised", "noise"] as const;
const COLUMNS = ["alpha", "sigma", "time", "guidance", "view"] as const;
const COMBINATIONS = ["x", "a", "b"] as const;
const KEEP: Readonly<Record<"x" | "a" | "b", Combination>> = { x: { x: 1 }, a: { a: 1 }, b: { b: 1 } };

/** The plan as numbers, shape `(evaluations, columns)`. */
function tableOf({ plan, guidance }: Course): Tensor {
  const rows = plan.map((evaluation, i) => {
    const next = plan[i + 1]?.at;
    const view = next === undefined ? 1 : 1 / Math.hypot(next.alpha, next.sigma);
    const { alpha, sigma, time } = evaluation.at;
    const combinations = COMBINATIONS.flatMap((name) =>
      TERMS.map((term) => (evaluation[name] ?? KEEP[name])[term] ?? 0),
    );
    return [alpha, sigma, time, guidance(evaluation.at), view, ...combinations];
  });
  return tf.tensor2d(rows);
}

/** A row of the table by name; scalars. */
function rowReader(table: Tensor, i: Tensor) {
  const width = table.shape[1] as number;
  const row = tf.reshape(tf.gather(table, tf.reshape(i, [1])), [width]);
  const at = (column: number) => tf.reshape(tf.slice(row, [column], [1]), []);
  return {
    column: (name: (typeof COLUMNS)[number]) => at(COLUMNS.indexOf(name)),
    coefficient: (of: "x" | "a" | "b", term: (typeof TERMS)[number]) =>
      at(COLUMNS.length + COMBINATIONS.indexOf(of) * TERMS.length + TERMS.indexOf(term)),
  };
}

/** Whether any evaluation of the plan has a term in a combination. */
const uses = (plan: readonly Evaluation[], term: keyof Combination): boolean =>
  plan.some((evaluation) => COMBINATIONS.some((name) => (evaluation[name]?.[term] ?? 0) !== 0));

/** What a course starts from. */
export type Start = Pick<Carry, "x" | "label" | "known" | "mask">;

/** The scan of a course: `begin`, then a `step` for each evaluation. */
export function scanOf(diffusion: Diffusion, course: Course) {
  const { plan } = course;
  const memories = (["a", "b"] as const).filter((name) => uses(plan, name));
  const isNoisy = uses(plan, "noise");
  return {
    steps: plan.length,
    begin(start: Start): Carry {
      const { alpha, sigma } = (plan[0] as Evaluation).at;
      const given = Object.entries(start).filter(([, tensor]) => tensor !== undefined);
      return {
        ...(Object.fromEntries(given) as unknown as Start),
        ...Object.fromEntries(memories.map((name) => [name, tf.zerosLike(start.x)])),
        table: tableOf(course),
        view: tf.scalar(1 / Math.hypot(alpha, sigma)),
      };
    },
    step(params: DiffusionParams, sigmaData: Tensor, carry: Carry, i: Tensor, key: Key): Carry {
      const { column, coefficient } = rowReader(carry.table, i);
      const levels = { alpha: column("alpha"), sigma: column("sigma"), time: column("time") };
      const terms: Partial<Record<(typeof TERMS)[number], Tensor | undefined>> = {
        x: carry.x,
        a: carry.a,
        b: carry.b,
        denoised: idea(diffusion, course, params, sigmaData, carry, levels, column("guidance")),
        noise: isNoisy ? normal(fold(key, "noise"), carry.x.shape) : undefined,
      };
      const combine = (of: "x" | "a" | "b"): Tensor =>
        TERMS.flatMap((term) => (terms[term] ? [tf.mul(coefficient(of, term), terms[term])] : [])).reduce((s, t) =>
          tf.add(s, t),
        );
      return {
        ...carry,
        x: combine("x"),
        ...Object.fromEntries(memories.map((name) => [name, combine(name)])),
        view: column("view"),
      };
    },
  };
}

/** D, guided towards the class, inside the range, and what is known where it is known. */
function idea(
  diffusion: Diffusion,
  course: Course,
  params: DiffusionParams,
  sigmaData: Tensor,
  carry: Carry,
  levels: Levels,
  guidance: Tensor,
): Tensor {
  const { x, label, known, mask } = carry;
  let denoised = guided(diffusion, course, (noisy, labels) =>
    denoise(diffusion, params, sigmaData, { x: noisy, levels, label: labels }),
  )(x, label, guidance);
  if (course.clip && diffusion.scale.isBounded) denoised = tf.clipByValue(denoised, -1, 1);
  if (known === undefined || mask === undefined) return denoised;
  return tf.add(tf.mul(mask, denoised), tf.mul(tf.sub(1, mask), known));
}

type Denoise = (x: Tensor, label: Tensor | undefined) => Tensor;

/**
 * Classifier-free guidance, `(1 - w) D(x) + w D(x | class)`, both in one batch of twice the size; one of them alone where w is 0 or 1 all the way.
 * Ho & Salimans, 2022, eq. 6, with `w` for their `1 + w`. https://arxiv.org/abs/2207.12598
 */
function guided({ classes }: Diffusion, { plan, guidance }: Course, denoiser: Denoise) {
  return (x: Tensor, label: Tensor | undefined, weight: Tensor): Tensor => {
    if (classes === undefined || label === undefined) return denoiser(x, undefined);
    const weights = new Set(plan.map(({ at }) => guidance(at)));
    if (weights.size === 1 && weights.has(1)) return denoiser(x, label);
    const nothing = nullLabels(classes, x.shape[0] as number);
    if (weights.size === 1 && weights.has(0)) return denoiser(x, nothing);
    const both = denoiser(tf.concat([x, x], 0), tf.concat([nothing, label], 0));
    const [without, withClass] = tf.split(both, 2, 0) as [Tensor, Tensor];
    return tf.add(tf.mul(tf.sub(1, weight), without), tf.mul(weight, withClass));
  };
}
