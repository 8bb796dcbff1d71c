export { builtinExtractors, fashionMnistCnn, mnistCnn, stackedMnistCnn } from "./builtin.js";
export { CLASSES, type CnnParams, cnn, cnnInit, FEATURES } from "./network.js";
export { CLASSIFIERS, type Classifier } from "./weights.js";
