/** Texts in a TypeScript file that a database will read, found by parsing it. */
import { type Expression, parseSync, Visitor } from "oxc-parser";

export type Text = {
  /** Parts that are put in when the program runs are written as the constant they name, or as `⟨…⟩`. */
  readonly text: string;
  /** Those that are no constants of the file. */
  readonly computed: readonly string[];
  readonly line: number;
};

/** Every string and template of the file, constants of the file put in. Throws where the file does not parse. */
export function textsOf(path: string, source: string): readonly Text[] {
  const { program, errors } = parseSync(path, source);
  const error = errors[0];
  if (error !== undefined) throw new Error(`${path} does not parse: ${error.message}`);
  const constants = new Map<string, Expression>();
  for (const statement of program.body) {
    const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : statement;
    if (declaration?.type !== "VariableDeclaration" || declaration.kind !== "const") continue;
    for (const { id, init } of declaration.declarations) {
      if (id.type === "Identifier" && init !== null) constants.set(id.name, init);
    }
  }
  const texts: Text[] = [];
  const inner = new Set<number>();
  const take = (node: Expression): void => {
    if (inner.has(node.start)) return;
    const computed: string[] = [];
    const text = textOf(node, { constants, source, computed, inner, depth: 0 });
    if (text !== undefined) texts.push({ text, computed, line: source.slice(0, node.start).split("\n").length });
  };
  new Visitor({
    BinaryExpression: (node) => node.operator === "+" && take(node),
    TemplateLiteral: take,
    Literal: (node) => typeof node.value === "string" && take(node),
  }).visit(program);
  return texts;
}

type Reading = {
  readonly constants: ReadonlyMap<string, Expression>;
  readonly source: string;
  readonly computed: string[];
  /** Where parts begin that were read as part of a whole. */
  readonly inner: Set<number>;
  readonly depth: number;
};

/** Undefined for what is no text. */
function textOf(node: Expression, reading: Reading): string | undefined {
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node.type === "TemplateLiteral") {
    return node.quasis
      .map((quasi, index) => {
        const part = node.expressions[index];
        return quasi.value.raw + (part === undefined ? "" : partOf(part, reading));
      })
      .join("");
  }
  if (node.type !== "BinaryExpression" || node.operator !== "+") return undefined;
  for (const side of [node.left, node.right]) if (isText(side)) reading.inner.add(side.start);
  if (![node.left, node.right].some(isText)) return undefined;
  return partOf(node.left, reading) + partOf(node.right, reading);
}

function partOf(node: Expression, reading: Reading): string {
  const known = node.type === "Identifier" ? reading.constants.get(node.name) : node;
  const text =
    known === undefined || reading.depth > 8 ? undefined : textOf(known, { ...reading, depth: reading.depth + 1 });
  if (text !== undefined) return text;
  const written = reading.source.slice(node.start, node.end);
  reading.computed.push(written);
  return `⟨${written}⟩`;
}

function isText(node: { readonly type: string }): boolean {
  return ["Literal", "TemplateLiteral", "BinaryExpression"].includes(node.type);
}
