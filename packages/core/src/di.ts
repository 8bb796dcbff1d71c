import "./reflect.js";

export {
  container as rootContainer,
  type DependencyContainer,
  type InjectionToken,
  instanceCachingFactory,
} from "tsyringe";
