/** Tables for people: columns as wide as what is in them, the last one cut to the terminal. */

export type Column = { readonly title: string; readonly align?: "left" | "right" };
export type Cell = string | number | undefined;

const gap = "  ";
const longest = 1_000;

export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number,
  heading: (text: string) => string,
): readonly string[] {
  const texts = rows.map((row) => columns.map((_, index) => textOf(row[index])));
  const titles = columns.map(({ title }) => title);
  const widths = titles.map((title, index) => Math.max(title.length, ...texts.map((row) => row[index]?.length ?? 0)));
  const render = (row: readonly string[]): string => {
    const cells = row.map((text, index) => {
      const wide = widths[index] ?? 0;
      if (columns[index]?.align === "right") return text.padStart(wide);
      return index === row.length - 1 ? text : text.padEnd(wide);
    });
    const line = cells.join(gap).trimEnd();
    return line.length <= width ? line : `${line.slice(0, Math.max(1, width - 1))}…`;
  };
  return [heading(render(titles)), ...texts.map(render)];
}

function textOf(cell: Cell): string {
  if (cell === undefined) return "-";
  return typeof cell === "number" ? cell.toLocaleString("en-US") : printable(cell);
}

/**
 * Text that clients wrote, as a terminal may have it: one line, and no character that could move its cursor, change its
 * title or hide what follows.
 */
export function printable(text: string): string {
  const short = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return short.replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code === 10 ? "⏎" : code === 9 ? " " : `\\u{${code.toString(16)}}`;
  });
}
