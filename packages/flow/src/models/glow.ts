import { UserError } from "@latentkit/core";
import type { FlowConfig } from "../config.js";
import { gatedConv } from "../networks/gated-conv.js";
import { actnorm } from "../transforms/actnorm.js";
import { chain } from "../transforms/chain.js";
import { coupling } from "../transforms/coupling.js";
import { affine } from "../transforms/elementwise.js";
import { linear } from "../transforms/linear.js";
import { marginal } from "../transforms/marginal.js";
import { rationalQuadraticSpline } from "../transforms/spline.js";
import { split } from "../transforms/split.js";
import { flattened, squeeze } from "../transforms/squeeze.js";
import type { Transform } from "../transforms/transform.js";
import { type Architecture, layers } from "./architecture.js";

/**
 * Scales of squeeze, then steps of actnorm, invertible 1x1 convolution and coupling, then a split with a learned prior.
 * Kingma & Dhariwal, "Glow: generative flow with invertible 1x1 convolutions", 2018, figure 2. https://arxiv.org/abs/1807.03039
 *
 * @throws UserError when a scale cannot halve the image.
 */
export const glow: Architecture = (config, shape) => {
  checkSizes(config, shape);
  return scale(config, shape as [number, number, number], 0);
};

function scale(config: FlowConfig, [H, W, C]: readonly [number, number, number], level: number): Transform {
  const { layers: n = 8, width = 32, depth = 3, scales, bins, bound } = config;
  const channels = 4 * C;
  const map = () => (config.coupling === "affine" ? affine() : rationalQuadraticSpline({ bins, bound }));
  const step = (i: number) =>
    chain({
      norm: actnorm(),
      convolution: linear({ features: channels, rotation: level * n + i }),
      coupling: coupling(map(), gatedConv({ channels: width, layers: depth })),
    });
  const here = [H / 2, W / 2, channels] as const;
  const isLast = level === scales - 1;
  return chain({
    squeeze: squeeze(),
    ...(level === 0 && config.marginals
      ? { norm: actnorm(), marginals: marginal(rationalQuadraticSpline({ bins: 2 * bins, bound })) }
      : {}),
    ...layers(n, step),
    ...(isLast
      ? { flat: flattened(here) }
      : {
          split: split(
            here,
            scale(config, [H / 2, W / 2, channels / 2], level + 1),
            gatedConv({ channels: width, layers: 1 }),
          ),
        }),
  });
}

function checkSizes({ scales }: FlowConfig, shape: readonly number[]): void {
  if (shape.length !== 3) {
    throw new UserError(
      "@latentkit/flow",
      `model must not be glow for data of shape [${shape}], got "glow": it needs images [height, width, channels]; use nsf`,
    );
  }
  const [H, W] = shape as [number, number];
  const fits = (n: number) => H % 2 ** n === 0 && W % 2 ** n === 0;
  if (fits(scales)) return;
  const most = Math.max(...Array.from({ length: scales }, (_, n) => n).filter(fits));
  const advice = most > 0 ? `set scales to ${most}` : `use realnvp, or images of even size`;
  throw new UserError(
    "@latentkit/flow",
    `scales must halve height and width evenly ${scales} times, got ${scales} for ${H}x${W} pixels; ${advice}`,
  );
}
