import { testEngine } from "@latentkit/jit/testing";
import { it } from "vitest";
import { type Lowering, tensorflow } from "../src/index.js";
import { noLibrary } from "./library.js";

/**
 * The conformance suite on one lowering; a file each, so that they run side by side.
 *
 * @param only Which cases of kernels to run; all when absent.
 */
export async function conformance(lowering: Lowering, only?: (kernels: readonly string[]) => boolean): Promise<void> {
  if (noLibrary !== undefined) {
    it.skip(`tensorflow, ${lowering}: ${noLibrary}`, () => {});
    return;
  }
  const engine = await tensorflow({ lowering });
  testEngine({ name: `tensorflow, ${lowering}`, create: () => engine, ...(only ? { only } : {}) });
}
