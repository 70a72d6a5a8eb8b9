/** A documentation comment, taken apart. */
export type Doc = {
  /** Markdown, a line to a paragraph. */
  readonly text: string;
  readonly params: readonly { readonly name: string; readonly text: string }[];
  /** What to use instead. */
  readonly deprecated: string | undefined;
  /** TypeScript, as it stands in the comment. */
  readonly examples: readonly string[];
};

/** @param comment what stands between the slashes and stars. Throws for a tag that pages do not show. */
export function docOf(comment: string): Doc {
  const lines = comment
    .replace(/^\*/, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trimEnd());
  const parts: string[][] = [[]];
  for (const line of lines) {
    if (/^@[a-z]+/.test(line)) parts.push([line]);
    else parts.at(-1)?.push(line);
  }
  const [text = [], ...tags] = parts;
  const params: { name: string; text: string }[] = [];
  const examples: string[] = [];
  let deprecated: string | undefined;
  for (const [first = "", ...rest] of tags) {
    const [, tag = "", after = ""] = /^@([a-z]+) ?(.*)$/.exec(first) ?? [];
    if (tag === "example") examples.push([after, ...rest].join("\n").trim());
    else if (tag === "deprecated") deprecated = [after, ...rest].join(" ").trim();
    else if (tag === "param") {
      const [, name = "", said = ""] =
        /^(\S+) ?(.*)$/.exec([after, ...rest].map((line) => line.trim()).join(" ")) ?? [];
      params.push({ name, text: said });
    } else throw new Error(`a comment has the tag @${tag}, which the pages of the reference do not show`);
  }
  return { text: paragraphs(text), params, deprecated, examples };
}

/** Joins the lines of a paragraph; lists keep theirs. */
function paragraphs(lines: readonly string[]): string {
  return lines
    .map((line) => line.trim())
    .join("\n")
    .trim()
    .replaceAll(/(?<!\n)\n(?!\n|- |\d+\. )/g, " ");
}
