const maxLines = 400;

/** Files that may be longer, each with the reason. One that has become short again has to leave the list. */
const excused: ReadonlyMap<string, string> = new Map();

/** @param sources text by path. */
export function checkLengths(
  sources: ReadonlyMap<string, string>,
  excuses: ReadonlyMap<string, string> = excused,
): readonly string[] {
  const tooLong = [...sources]
    .map(([path, source]) => ({ path, lines: countLines(source) }))
    .filter(({ path, lines }) => lines > maxLines && !excuses.has(path))
    .map(({ path, lines }) => `${path}: ${lines} lines, more than ${maxLines}: which two things is it?`);
  const needless = [...excuses.keys()]
    .filter((path) => countLines(sources.get(path) ?? "") <= maxLines)
    .map((path) => `${path}: excused in scripts/lengths/check.ts, and not longer than ${maxLines} lines`);
  return [...tooLong, ...needless];
}

function countLines(source: string): number {
  if (source === "") return 0;
  return source.split("\n").length - (source.endsWith("\n") ? 1 : 0);
}
