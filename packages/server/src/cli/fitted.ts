/** Pages of help on a terminal that is narrower than they are. */

/** For a terminal of so many columns: sentences are set anew, and a row that is too long goes on below its last column. */
export function fitted(page: string, width: number): string {
  const lines = page.split("\n");
  if (lines.every(({ length }) => length <= width)) return page;
  return joined(lines)
    .flatMap((line) => wrapped(line, width))
    .join("\n");
}

/** A text in lines of so many columns. A word that is longer stays whole. */
export function filledText(text: string, width: number): readonly string[] {
  return broken(text, Math.max(width, 20), 0);
}

/** Lines of sentences as one: they begin at the margin, and are no titles. */
function joined(lines: readonly string[]): readonly string[] {
  const isSentence = (line: string | undefined): boolean => /^\S.*[^:]$/.test(line ?? "");
  const whole: string[] = [];
  for (const [index, line] of lines.entries()) {
    if (index > 1 && isSentence(line) && isSentence(lines[index - 1])) whole.push(`${whole.pop() ?? ""} ${line}`);
    else whole.push(line);
  }
  return whole;
}

const leastIndent = 6;

function wrapped(line: string, width: number): readonly string[] {
  if (line.length <= width) return [line];
  const cells = line.match(/ {2}--\S+(?: \S+)?/g) ?? [];
  if (cells.length > 1) return filled(cells, width);
  const column = textColumn(line);
  if (column === undefined) return broken(line, width, line.startsWith(" ") ? leastIndent : 0);
  if (column <= width / 2) return broken(line, width, column);
  const below = " ".repeat(leastIndent) + line.slice(column);
  return [...broken(line.slice(0, column).trimEnd(), width, leastIndent), ...broken(below, width, leastIndent)];
}

/** Where the text of a row begins: behind the gap. Sentences begin at the margin, and have none. */
function textColumn(line: string): number | undefined {
  const begins = line.search(/\S/);
  const gap = begins === 0 ? -1 : line.indexOf("  ", begins);
  return gap < 0 ? undefined : gap + line.slice(gap).search(/\S/);
}

function broken(line: string, width: number, indent: number): readonly string[] {
  if (line.length <= width) return [line];
  const before = line.lastIndexOf(" ", width);
  // A word that is longer than the line is for the terminal to cut.
  const at = line.slice(0, Math.max(before, 0)).trim() === "" ? line.indexOf(" ", width) : before;
  if (at < 0) return [line];
  return [line.slice(0, at).trimEnd(), ...broken(" ".repeat(indent) + line.slice(at).trimStart(), width, indent)];
}

/** As many to a line as it holds. */
export function filled(cells: readonly string[], width: number): readonly string[] {
  const lines: string[] = [];
  for (const cell of cells) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + cell.length <= width) lines[lines.length - 1] = last + cell;
    else lines.push(cell);
  }
  return lines;
}
