/** What tests need of TypeScript to run, and to check as a strict project would, the programs that readers are shown. */
import ts from "typescript";

const CHECK = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: ["node"],
};

const RUN = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };

/** A program as JavaScript. */
export function toJavaScript(text) {
  return ts.transpileModule(text, { compilerOptions: RUN }).outputText;
}

/** What is wrong with the types of some files: `{ file, line, message }`, lines counted from 0. */
export function typeErrors(files) {
  return ts.getPreEmitDiagnostics(ts.createProgram(files, CHECK)).map(({ file, start = 0, messageText }) => ({
    file: file?.fileName,
    line: file?.getLineAndCharacterOfPosition(start).line ?? 0,
    message: ts.flattenDiagnosticMessageText(messageText, " "),
  }));
}
