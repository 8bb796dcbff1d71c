import "./reflect.js";

export { type DependencyContainer, instanceCachingFactory, type InjectionToken, container as rootContainer } from "tsyringe";
