import { engine, type GradConfig, registerGradient, registerKernel, type Tensor, tidy } from "@tensorflow/tfjs-core";
import type { Attrs, GraphNode, ValueId } from "./graph.js";
import type { TensorSpec } from "./host-tensor.js";
import { type InputSpecs, registerInference } from "./kernels/symbolic.js";
import { Recorder, recordedValue, symbolicTensor, withRecorder } from "./trace.js";

type Tensors = Readonly<Record<string, Tensor>>;

/** A kernel made of tfjs ops that an engine may replace by one native call. */
export interface Composite {
  readonly name: string;
  /** Names of the tensor inputs, all required. */
  readonly inputs: readonly string[];
  /** The definition in tfjs ops: it runs on every backend. One output: a tensor; several: a list. */
  readonly forward: (inputs: Tensors, attrs: any) => Tensor | Tensor[];
  /**
   * Gradients by input name, in differentiable ops, so that second order works too. Absent when never differentiated.
   *
   * @param dys Gradient of each output.
   */
  readonly gradient?: (dys: readonly Tensor[], inputs: Tensors, attrs: any) => Record<string, () => Tensor>;
}

const composites = new Map<string, Composite>();

/** The definition behind a composite kernel's name, if it is one. */
export function compositeOf(kernel: string): Composite | undefined {
  return composites.get(kernel);
}

/** Every composite kernel by name. */
export function allComposites(): ReadonlyMap<string, Composite> {
  return composites;
}

/**
 * Registers a composite: traced as one node, run eagerly by its definition on every backend of tfjs.
 *
 * @returns A function that calls it: `call({ x, scale }, { epsilon })`.
 * @throws Error when the name is taken.
 */
export function defineComposite<I extends Tensors, A extends Attrs = Attrs>(
  composite: Composite & { forward: (inputs: I, attrs: A) => Tensor | Tensor[] },
): (inputs: I, attrs: A) => Tensor | Tensor[] {
  const { name, forward, gradient } = composite;
  registerInference(name, (specs, attrs) => infer(composite as Composite, specs, attrs));
  composites.set(name, composite as Composite);
  if (gradient !== undefined) registerGradient(gradientConfig(composite as Composite));
  return (inputs, attrs) => {
    registerForBackend(name, engine().backendName, forward as Composite["forward"]);
    return engine().runKernel(name, inputs as never, attrs as never) as Tensor | Tensor[];
  };
}

const registered = new Set<string>();

function registerForBackend(kernelName: string, backendName: string, forward: Composite["forward"]): void {
  const id = `${kernelName} ${backendName}`;
  if (registered.has(id) || backendName === "latentkit") return;
  registered.add(id);
  registerKernel({
    kernelName,
    backendName,
    kernelFunc: ({ inputs, attrs }) => tidy(() => forward(inputs as unknown as Tensors, attrs)) as never,
  });
}

function gradientConfig({ name, inputs, gradient }: Composite): GradConfig {
  return {
    kernelName: name,
    inputsToSave: [...inputs],
    gradFunc: (dy, saved, attrs) => {
      const byName = Object.fromEntries(inputs.map((input, i) => [input, (saved as Tensor[])[i] as Tensor]));
      return (gradient as NonNullable<Composite["gradient"]>)(Array.isArray(dy) ? dy : [dy], byName, attrs);
    },
  };
}

function infer(composite: Composite, specs: InputSpecs, attrs: Attrs): TensorSpec | TensorSpec[] {
  const { recorder, outputs, single } = decompose(composite, specs, attrs);
  const result = outputs.map((id) => recorder.values[id] as TensorSpec);
  return single ? (result[0] as TensorSpec) : result;
}

/** The definition of a composite recorded for given input shapes. */
export interface Decomposition {
  readonly recorder: Recorder;
  readonly inputs: Readonly<Record<string, ValueId>>;
  readonly outputs: readonly ValueId[];
  readonly single: boolean;
}

/** Records the definition of a composite on its own. */
export function decompose(composite: Composite, specs: InputSpecs, attrs: GraphNode["attrs"]): Decomposition {
  const recorder = new Recorder();
  const inputs = Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, recorder.add(spec)]));
  return withRecorder(recorder, () => {
    const tensors = Object.fromEntries(Object.entries(inputs).map(([name, id]) => [name, symbolicTensor(id)]));
    const out = composite.forward(tensors, attrs);
    const outputs = (Array.isArray(out) ? out : [out]).map(recordedValue);
    return { recorder, inputs, outputs, single: !Array.isArray(out) };
  });
}
