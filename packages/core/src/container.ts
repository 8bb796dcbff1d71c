import { MemoryCheckpointStore } from "./checkpoint.js";
import { systemClock } from "./clock.js";
import { type DependencyContainer, type InjectionToken, instanceCachingFactory, rootContainer } from "./di.js";
import { createEvaluator } from "./evaluation/create-evaluator.js";
import { builtinMetrics } from "./evaluator.js";
import { combineSinks } from "./log.js";
import type { ModelPlugin } from "./plugin.js";
import {
  CHECKPOINT_STORE,
  CLOCK,
  EVALUATOR,
  FEATURE_EXTRACTOR,
  LOG_SINK,
  METRIC,
  MODEL_PLUGIN,
  TRAINER,
} from "./tokens.js";
import { Trainer } from "./trainer.js";

/**
 * Everything wired with its defaults; register again under a token to replace (`CLOCK`, `CHECKPOINT_STORE`) or add (`METRIC`, `LOG_SINK`,
 * `MODEL_PLUGIN` …).
 */
export function createContainer(...plugins: readonly ModelPlugin[]): DependencyContainer {
  const container = rootContainer.createChildContainer();
  container.register(CLOCK, { useValue: systemClock });
  container.register(CHECKPOINT_STORE, { useFactory: instanceCachingFactory(() => new MemoryCheckpointStore()) });
  for (const metric of builtinMetrics) container.register(METRIC, { useValue: metric });
  container.register(EVALUATOR, {
    useFactory: (c) =>
      createEvaluator({ metrics: resolveAll(c, METRIC), extractors: resolveAll(c, FEATURE_EXTRACTOR) }),
  });
  container.register(TRAINER, {
    useFactory: (c) =>
      new Trainer({
        clock: c.resolve(CLOCK),
        checkpoints: c.resolve(CHECKPOINT_STORE),
        sink: combineSinks(resolveAll(c, LOG_SINK)),
        evaluator: c.resolve(EVALUATOR),
      }),
  });
  for (const plugin of plugins) container.register(MODEL_PLUGIN, { useValue: plugin });
  return container;
}

/** All registrations of a token, an empty list when there is none. */
export function resolveAll<T>(container: DependencyContainer, token: InjectionToken<T>): T[] {
  return container.isRegistered(token) ? container.resolveAll(token) : [];
}
