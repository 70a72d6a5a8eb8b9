/** What a TypeScript file imports, found by parsing it rather than by matching text. */
import { type Argument, parseSync, Visitor } from "oxc-parser";

export type Import = {
  /** The name as written; undefined where it is computed when the code runs. */
  readonly specifier: string | undefined;
  readonly line: number;
  /**
   * - `static`: loaded with the file (an import of types by name inside ordinary braces is, too);
   * - `type`: erased, nothing is loaded;
   * - `dynamic`: loaded on demand by `import()`, `require` or `process.getBuiltinModule`.
   */
  readonly how: "static" | "type" | "dynamic";
};

export type Parsed = {
  readonly imports: readonly Import[];
  /** Lines of `export *` statements. */
  readonly exportAlls: readonly number[];
  /** Every string in the code, with the line it first stands on. */
  readonly strings: ReadonlyMap<string, number>;
};

/** Throws where the file does not parse. */
export function parseImports(path: string, source: string): Parsed {
  const { program, errors } = parseSync(path, source);
  const error = errors[0];
  if (error !== undefined) throw new Error(`${path} does not parse: ${error.message}`);

  const lineOf = (offset: number): number => source.slice(0, offset).split("\n").length;
  const imports: Import[] = [];
  const exportAlls: number[] = [];
  const strings = new Map<string, number>();
  const found = (specifier: string | undefined, start: number, how: Import["how"]): void => {
    imports.push({ specifier, line: lineOf(start), how });
  };

  new Visitor({
    Literal: (node) => {
      if (typeof node.value === "string" && !strings.has(node.value)) strings.set(node.value, lineOf(node.start));
    },
    ImportDeclaration: (node) => {
      found(node.source.value, node.start, node.importKind === "type" ? "type" : "static");
    },
    ExportNamedDeclaration: (node) => {
      if (node.source !== null) found(node.source.value, node.start, node.exportKind === "type" ? "type" : "static");
    },
    ExportAllDeclaration: (node) => {
      exportAlls.push(lineOf(node.start));
      found(node.source.value, node.start, node.exportKind === "type" ? "type" : "static");
    },
    TSImportType: (node) => {
      found(node.source.value, node.start, "type");
    },
    TSImportEqualsDeclaration: (node) => {
      if (node.moduleReference.type === "TSExternalModuleReference") {
        found(node.moduleReference.expression.value, node.start, node.importKind === "type" ? "type" : "static");
      }
    },
    ImportExpression: (node) => {
      found(textOf(node.source), node.start, "dynamic");
    },
    CallExpression: (node) => {
      if (isLoader(source.slice(node.callee.start, node.callee.end)) && node.arguments[0] !== undefined) {
        found(textOf(node.arguments[0]), node.start, "dynamic");
      }
    },
  }).visit(program);
  return { imports: imports.toSorted((a, b) => a.line - b.line), exportAlls, strings };
}

function isLoader(callee: string): boolean {
  return /^(?:require(?:\.resolve)?|(?:globalThis\.)?process(?:\?\.|\.)getBuiltinModule(?:\?\.)?)$/.test(callee);
}

/** The text of a string literal, or of a template without parts; undefined for everything computed. */
function textOf(node: Argument): string | undefined {
  if (node.type === "Literal" && typeof node.value === "string") return node.value;
  if (node.type !== "TemplateLiteral" || node.quasis.length !== 1) return undefined;
  return node.quasis[0]?.value.cooked ?? undefined;
}
