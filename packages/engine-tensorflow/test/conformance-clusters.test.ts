import { allComposites } from "@latentkit/jit";
import { conformance } from "./conformance.js";

const composites = allComposites();

// Clusters execute the operations of `graph` and compile those of `xla`, both tested whole: here what they are for, and how they meet.
await conformance("clusters", (kernels) =>
  kernels.some((kernel) => /Conv|Pool|Resize|BatchMatMul/.test(kernel) || composites.has(kernel)),
);
