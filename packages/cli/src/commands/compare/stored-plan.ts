import { type ComparisonRequest, readComparison } from "@latentkit/core/node";
import { type App, findData, findModel } from "../../app.js";

/** What is compared, and where. */
export type StoredPlan = Pick<
  ComparisonRequest,
  "models" | "data" | "minutes" | "samples" | "seed" | "out" | "command"
>;

/** The plan of a comparison that was begun. @throws UserError when there is none, or a model or the data set is not installed. */
export async function storedPlan(app: App, out: string): Promise<StoredPlan> {
  const { plan } = await readComparison(out);
  const { source } = findData(app, plan.data.name, plan.data.options);
  const models = plan.models.map(({ name, config }) => ({ plugin: findModel(app, name), config }));
  return { ...plan, models, data: source, out };
}
