#!/usr/bin/env node
/**
 * The Python that benchmarks compare with: the one that LATENTKIT_PYTHON names, and none when it names none. Run as a command, this file
 * prepares one in the checkout's `.cache` (a virtual environment with PyTorch from the machine's own pip, made once) and prints its path:
 *
 *     export LATENTKIT_PYTHON=$(node tools/bench/python.mjs)
 */
import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** @returns {string | undefined} Path of a Python that imports torch. */
export function torchPython() {
  return process.env.LATENTKIT_PYTHON || undefined;
}

function preparePython() {
  const folder = fileURLToPath(new URL("../../.cache/python", import.meta.url));
  const python = `${folder}/bin/python`;
  if (existsSync(`${folder}/ready`)) return python;
  console.error("installing PyTorch into .cache/python …");
  const stdio = ["ignore", 2, 2]; // standard output carries the path only
  execFileSync("python3", ["-m", "venv", folder], { stdio });
  execFileSync(python, ["-m", "pip", "install", "--quiet", "torch", "numpy"], { stdio });
  writeFileSync(`${folder}/ready`, "");
  return python;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(preparePython());
