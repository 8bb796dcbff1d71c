export { syntheticDataset } from "./synthetic.js";
export { type PluginCase, type TestPluginOptions, testPlugin } from "./test-plugin.js";
