/** What an entry of a built package exports, with its types, as text: two versions of it can be compared. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** Every exported name with its declaration, sorted, comments left out. */
export async function publicApi(entry: string): Promise<string> {
  const found = await exportsOf(entry);
  return `${[...found]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, text]) => text)
    .join("\n\n")}\n`;
}

async function exportsOf(path: string): Promise<ReadonlyMap<string, string>> {
  const text = withoutComments(await readFile(path, "utf8"));
  const found = new Map(declarationsOf(text));
  for (const [, list = "", from] of text.matchAll(/^export (?:type )?\{([^}]*)\}(?: from "([^"]+)")?;/gm)) {
    const there = from === undefined ? localsOf(text) : await exportsOf(declarationFile(path, from));
    for (const item of list.split(",")) {
      const [name = "", as = name] = item
        .trim()
        .replace(/^type /, "")
        .split(/ as /);
      if (name === "") continue;
      const declaration = there.get(name);
      if (declaration === undefined) throw new Error(`${path} exports ${name}, whose declaration is not found`);
      found.set(as, as === name ? declaration : `/* as ${as} */ ${declaration}`);
    }
  }
  return found;
}

/** The compiler's output names sources; their declarations lie beside. */
function declarationFile(importer: string, from: string): string {
  return resolve(dirname(importer), from.replace(/\.(ts|js)$/, ".d.ts"));
}

const exported =
  /^export (?:declare )?(?:abstract )?(?:function|class|interface|type|const|let|enum|namespace) ([A-Za-z_$][\w$]*)/;
const local = /^(?:declare )?(?:abstract )?(?:function|class|interface|type|const|let) ([A-Za-z_$][\w$]*)/;

function declarationsOf(text: string): readonly (readonly [string, string])[] {
  return statementsOf(text).flatMap((statement) => {
    const [, name] = exported.exec(statement) ?? [];
    return name === undefined ? [] : [[name, statement] as const];
  });
}

function localsOf(text: string): ReadonlyMap<string, string> {
  const all = statementsOf(text).flatMap((statement) => {
    const [, name] = local.exec(statement) ?? exported.exec(statement) ?? [];
    return name === undefined ? [] : [[name, statement] as const];
  });
  return new Map(all);
}

/** What begins at the left margin begins a statement, but for what closes one. Overloads are kept together. */
function statementsOf(text: string): readonly string[] {
  const statements = text.split(/\n(?=[A-Za-z])/).map((statement) => statement.trimEnd());
  const joined: string[] = [];
  for (const statement of statements) {
    const [, name] = /^export declare function ([\w$]+)/.exec(statement) ?? [];
    const before = joined.at(-1);
    if (name !== undefined && before?.startsWith(`export declare function ${name}`) === true) {
      joined[joined.length - 1] = `${before}\n${statement}`;
    } else joined.push(statement);
  }
  return joined;
}

function withoutComments(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, "")
    .replaceAll(/^\s*\/\/.*$/gm, "")
    .replaceAll(/\n\s*\n/g, "\n");
}
