/**
 * The Python that benchmarks are compared with: a virtual environment in the checkout's `.cache`, made on first use with PyTorch from the
 * machine's own pip. Set LATENTKIT_PYTHON to use another.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../.cache/python", import.meta.url));
const python = `${folder}/bin/python`;

/** @returns {string} Path of a Python that imports torch. */
export function torchPython() {
  const given = process.env.LATENTKIT_PYTHON;
  if (given) return given;
  if (!existsSync(`${folder}/ready`)) {
    console.error("installing PyTorch into .cache/python (once) …");
    execFileSync("python3", ["-m", "venv", folder], { stdio: "inherit" });
    execFileSync(python, ["-m", "pip", "install", "--quiet", "torch", "numpy"], { stdio: "inherit" });
    execFileSync("touch", [`${folder}/ready`]);
  }
  return python;
}
