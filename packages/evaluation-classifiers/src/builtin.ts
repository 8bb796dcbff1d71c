import { type DataDescription, type FeatureExtractor, tracedExtractor } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { CLASSES, type CnnParams, cnn } from "./network.js";
import { stackedDigits } from "./stacked.js";
import { CLASSIFIERS, type Classifier, readWeights } from "./weights.js";

/** Whether the data are images of a data set by its own name: `fashion-mnist`, `fashion-mnist:FOLDER`, values in [0, 1]. */
function isImagesOf(name: string, channels: number) {
  return ({ name: given, datum }: DataDescription): boolean => {
    const [low, high] = datum.kind === "binary" ? [0, 1] : (datum.range ?? []);
    return given.split(":")[0] === name && datum.shape.join("x") === `28x28x${channels}` && low === 0 && high === 1;
  };
}

function grey(data: string, classifier: Classifier): FeatureExtractor {
  const { summary, trainedOn, testAccuracy } = classifier;
  return tracedExtractor(
    {
      name: `${data}-cnn`,
      summary,
      trainedOn,
      testAccuracy,
      classes: CLASSES,
      grades: `${data} (28x28x1 in [0, 1])`,
      fits: isImagesOf(data, 1),
    },
    {
      weights: () => readWeights(classifier),
      apply(params, x) {
        const { features, logits } = cnn(params as CnnParams, x);
        return { features, probabilities: tf.softmax(logits) };
      },
    },
  );
}

/** Grades MNIST. */
export const mnistCnn = grey("mnist", CLASSIFIERS.mnist);

/** Grades Fashion-MNIST. */
export const fashionMnistCnn = grey("fashion-mnist", CLASSIFIERS["fashion-mnist"]);

/** Grades StackedMNIST, three digits as the channels of an image, each named by `mnist-cnn`: 1000 classes. */
export const stackedMnistCnn = tracedExtractor(
  {
    name: "stacked-mnist-cnn",
    summary: "mnist-cnn on each of three channels: 1000 classes, 192 features",
    trainedOn: CLASSIFIERS.mnist.trainedOn,
    testAccuracy: CLASSIFIERS.mnist.testAccuracy ** 3, // three digits, each named independently
    classes: CLASSES ** 3,
    samples: 26_000, // as Metz et al. and all since
    grades: "stacked-mnist (28x28x3 in [0, 1])",
    fits: isImagesOf("stacked-mnist", 3),
  },
  { weights: () => readWeights(CLASSIFIERS.mnist), apply: stackedDigits },
);

/** All of this package: what the command line registers. */
export const builtinExtractors: readonly FeatureExtractor[] = [mnistCnn, fashionMnistCnn, stackedMnistCnn];
