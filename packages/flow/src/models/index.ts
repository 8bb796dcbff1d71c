import type { FlowConfig } from "../config.js";
import type { Architecture } from "./architecture.js";
import { glow } from "./glow.js";
import { iaf, maf } from "./maf.js";
import { nice } from "./nice.js";
import { nsf, nsfAutoregressive } from "./nsf.js";
import { realnvp } from "./realnvp.js";
import { tarflow } from "./tarflow.js";

/** Every model by the name given to `--set model=…`. */
export const architectures: Readonly<Record<Exclude<FlowConfig["model"], "auto">, Architecture>> = {
  nice,
  realnvp,
  maf,
  iaf,
  nsf,
  "nsf-ar": nsfAutoregressive,
  glow,
  tarflow,
};
