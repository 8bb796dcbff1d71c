import { eager } from "../src/index.js";
import { testEngine } from "../src/testing/index.js";

testEngine({ name: "eager", create: eager });
