/** The pages of the reference: one for each entry of the library, and one that leads to them. */
import type { Declared, Entry } from "./declarations.ts";

export type NamedEntry = Entry & {
  /** What is imported: `holdfast/adapters/sdk`. */
  readonly specifier: string;
};

/** Makes what the compiler wrote readable: one text in, one text out, declarations kept apart by blank lines. */
export type Format = (code: string) => string;

const groups = [
  ["function", "Functions"],
  ["class", "Classes"],
  ["const", "Constants"],
  ["type", "Types"],
] as const;

function fileOf(specifier: string): string {
  return `${specifier.replace(/^holdfast\//, "").replaceAll("/", "-")}.md`;
}

/** Markdown by file name. */
export function pagesOf(entries: readonly NamedEntry[], format: Format): ReadonlyMap<string, string> {
  const pages = entries.map((entry) => [fileOf(entry.specifier), pageOf(entry, entries, format)] as const);
  return new Map([["README.md", contentsOf(entries)], ...pages]);
}

const generated =
  "<!-- Made from the sources' own comments; `UPDATE_API=1 npx vitest run test/packages/api.test.ts` makes it anew. -->";

function contentsOf(entries: readonly NamedEntry[]): string {
  const rows = entries.map(({ specifier, doc, exports }) => {
    const values = exports
      .filter(({ what }) => what !== "type")
      .map((one) => `[${one.name}](${linkTo(specifier, one)})`);
    return `| [\`${specifier}\`](${fileOf(specifier)}) | ${doc.text} | ${values.join(" · ")} |`;
  });
  return `${[
    generated,
    "# Reference",
    "What each entry of the library exports: signatures, what they guarantee, units, defaults, errors. [Versions](../versions.md) says what may change when.",
    ["| entry | what it is | functions, classes, constants |", "|---|---|---|", ...rows].join("\n"),
  ].join("\n\n")}\n`;
}

function pageOf(entry: NamedEntry, all: readonly NamedEntry[], format: Format): string {
  const body = groups.flatMap(([what, title]) => {
    const members = entry.exports.filter((one) => one.what === what);
    return members.length === 0 ? [] : [`## ${title}`, ...members.flatMap((one) => sectionOf(one, entry, all, format))];
  });
  return `${[generated, `# \`${entry.specifier}\``, entry.doc.text, "[All entries](README.md)", ...body].join("\n\n")}\n`;
}

function sectionOf(one: Declared, entry: NamedEntry, all: readonly NamedEntry[], format: Format): readonly string[] {
  const params = one.doc.params.map(({ name, text }) => `- \`${name}\`: ${text}`).join("\n");
  const uses = [...one.uses].filter((name) => name !== one.name).flatMap((name) => linkOf(name, entry, all) ?? []);
  return [
    `### ${one.what} \`${one.name}\``,
    one.doc.deprecated === undefined ? "" : `**Deprecated.** ${one.doc.deprecated}`,
    one.doc.text,
    params,
    fenced(format(one.code)),
    ...one.doc.examples.map((example) => `Example:\n\n${fenced(example)}`),
    uses.length === 0 ? "" : `See ${uses.join(", ")}.`,
  ].filter((part) => part !== "");
}

/** Not marked `ts`: signatures stand alone, and examples are compiled with what they need around them. */
function fenced(code: string): string {
  return `\`\`\`typescript\n${code}\n\`\`\``;
}

/** The page's own declaration of a name first, then that of the main entry, then of whichever has it. */
function linkOf(name: string, entry: NamedEntry, all: readonly NamedEntry[]): string | undefined {
  for (const place of [entry, ...all]) {
    const there = place.exports.find((one) => one.name === name);
    if (there !== undefined) {
      const anchor = linkTo(place.specifier, there);
      return `[\`${name}\`](${place === entry ? anchor.slice(anchor.indexOf("#")) : anchor})`;
    }
  }
  return undefined;
}

function linkTo(specifier: string, { what, name }: Declared): string {
  return `${fileOf(specifier)}#${what}-${name.toLowerCase()}`;
}
