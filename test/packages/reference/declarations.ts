/** What an entry exports, read from the declarations that the compiler wrote for it: those are what a caller's editor shows. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Program, parseSync, Visitor } from "oxc-parser";

import { type Doc, docOf } from "./doc.ts";

export type Declared = {
  readonly name: string;
  readonly what: "function" | "class" | "const" | "type";
  readonly doc: Doc;
  /** TypeScript, with the comments of members; several texts where a function has overloads. */
  readonly code: string;
  /** Names of types that the declaration speaks of. */
  readonly uses: ReadonlySet<string>;
};

export type Entry = { readonly doc: Doc; readonly exports: readonly Declared[] };

type Statement = Program["body"][number];
type Source = { readonly path: string; readonly text: string; readonly program: Program; readonly docs: DocBefore };
type DocBefore = (start: number) => { readonly start: number; readonly text: string } | undefined;

/** Throws where something exported has no declaration: the page would be silent about it. */
export async function readEntry(path: string): Promise<Entry> {
  const source = await parse(path);
  const first = source.program.body[0];
  const exports = await exportsOf(source);
  return {
    doc: docOf(first === undefined ? "" : (source.docs(first.start)?.text ?? "")),
    exports: [...exports.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1)),
  };
}

async function exportsOf(source: Source): Promise<ReadonlyMap<string, Declared>> {
  const found = new Map<string, Declared>();
  for (const declared of declarationsOf(source, true)) found.set(declared.name, declared);
  for (const statement of source.program.body) {
    if (statement.type !== "ExportNamedDeclaration" || statement.declaration !== null) continue;
    const from = statement.source?.value;
    const there =
      from === undefined
        ? new Map(declarationsOf(source, false).map((one) => [one.name, one] as const))
        : await exportsOf(await parse(resolve(dirname(source.path), from.replace(/\.(ts|js)$/, ".d.ts"))));
    for (const { local, exported } of statement.specifiers) {
      const [name, as] = [nameOf(local), nameOf(exported)];
      const declared = there.get(name);
      if (declared === undefined) throw new Error(`${source.path} exports ${name}, whose declaration is not found`);
      found.set(as, { ...declared, name: as });
    }
  }
  return found;
}

function nameOf(node: { readonly name: string } | { readonly value: string }): string {
  return "name" in node ? node.name : node.value;
}

async function parse(path: string): Promise<Source> {
  const text = await readFile(path, "utf8");
  const { program, comments, errors } = parseSync(path, text);
  const error = errors[0];
  if (error !== undefined) throw new Error(`${path} does not parse: ${error.message}`);
  const docs: DocBefore = (start) => {
    const before = comments.findLast((comment) => comment.end <= start);
    const adjoins = before?.type === "Block" && before.value.startsWith("*");
    if (before === undefined || !adjoins || text.slice(before.end, start).trim() !== "") return undefined;
    return { start: before.start, text: before.value };
  };
  return { path, text, program, docs };
}

/** In the order of the file; overloads of a function are one declaration. */
function declarationsOf(source: Source, exportedOnly: boolean): readonly Declared[] {
  const found = new Map<string, Declared>();
  for (const statement of source.program.body) {
    const exported = statement.type === "ExportNamedDeclaration";
    if (exportedOnly && !exported) continue;
    const declaration = exported ? statement.declaration : statement;
    const named = declaration === null ? undefined : whatIs(declaration);
    if (named === undefined) continue;
    const doc = source.docs(statement.start);
    const earlier = found.get(named.name);
    const code = source.text.slice(statement.start, statement.end);
    found.set(named.name, {
      ...named,
      doc: earlier?.doc ?? docOf(doc?.text ?? ""),
      // What an overload says of itself stays with it.
      code: earlier === undefined ? code : `${earlier.code}\n${doc === undefined ? "" : `/*${doc.text}*/\n`}${code}`,
      uses: new Set([...(earlier?.uses ?? []), ...typesIn(source.program, statement)]),
    });
  }
  return [...found.values()];
}

function whatIs(node: object): Pick<Declared, "name" | "what"> | undefined {
  const statement = node as Statement;
  switch (statement.type) {
    case "TSDeclareFunction":
    case "FunctionDeclaration":
      return { name: statement.id?.name ?? "", what: "function" };
    case "ClassDeclaration":
      return { name: statement.id?.name ?? "", what: "class" };
    case "TSInterfaceDeclaration":
    case "TSTypeAliasDeclaration":
      return { name: statement.id.name, what: "type" };
    case "VariableDeclaration": {
      const id = statement.declarations[0]?.id;
      return id?.type === "Identifier" ? { name: id.name, what: "const" } : undefined;
    }
    default:
      return undefined;
  }
}

function typesIn(program: Program, { start, end }: { readonly start: number; readonly end: number }): Set<string> {
  const names = new Set<string>();
  const found = (node: { readonly type: string; readonly start: number } & object): void => {
    if (node.start >= start && node.start < end && "name" in node) names.add(String(node.name));
  };
  new Visitor({
    TSTypeReference: ({ typeName }) => {
      found(typeName);
    },
    TSInterfaceHeritage: ({ expression }) => {
      found(expression);
    },
    TSClassImplements: ({ expression }) => {
      found(expression);
    },
    TSTypeQuery: ({ exprName }) => {
      found(exprName);
    },
  }).visit(program);
  return names;
}
