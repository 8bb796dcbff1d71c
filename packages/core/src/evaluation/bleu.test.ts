import { describe, expect, it } from "vitest";
import fixture from "../../test/fixtures/sacrebleu.json" with { type: "json" };
import { bleu, bleuWithError, tokenize13a } from "./bleu.js";

describe("bleu", () => {
  it.each(fixture.cases)("is sacreBLEU's on $name", ({ answers, references, tokens, ...expected }) => {
    expect(answers.map((answer) => tokenize13a(answer).join(" "))).toEqual(tokens);
    const { score, precisions, brevityPenalty } = bleu(answers, references);
    expect(score).toBeCloseTo(expected.score, 9);
    expect(brevityPenalty).toBeCloseTo(expected.brevityPenalty, 12);
    for (const [i, precision] of precisions.entries())
      expect(precision).toBeCloseTo(expected.precisions[i] as number, 9);
  });

  it("has no spread when all answers are alike", () => {
    const answers = new Array(20).fill("the quick brown fox jumps");
    const { value, stderr, n } = bleuWithError(
      answers,
      answers.map(() => ["the quick brown fox leaps over"]),
    );
    expect([value, n]).toEqual([bleu(answers.slice(0, 1), [["the quick brown fox leaps over"]]).score, 20]);
    expect(stderr).toBeLessThan(1e-9);
  });
});
