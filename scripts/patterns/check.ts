/** Regular expressions of the sources: none may need more than linear time, since what they read comes from strangers. */
import { parseSync, Visitor } from "oxc-parser";
import { checkSync } from "recheck";

/** What says why a pattern made when the program runs is sound: nothing that a caller sends goes into it. */
const made: ReadonlyMap<string, string> = new Map([
  ["packages/holdfast/src/mcp/pressure/memory-gauge.ts", "takes the name of a flag of Node's, a constant of the file"],
]);

/** What says why a pattern that is judged slow is not. */
const fast: ReadonlyMap<string, string> = new Map([
  [
    String.raw`\b([a-z][a-z0-9-]{0,31})_[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_-]{20,})?`,
    "looks at 32 characters from each place at the most, and what follows them is looked at once",
  ],
  [
    String.raw`(?<=:\/\/)[^/?#@\s]*@`,
    "begins behind `://` only and stops at the next slash, so that no two attempts look at the same characters",
  ],
]);

/** Complaints, a line each. */
export function checkPatterns(
  sources: ReadonlyMap<string, string>,
  excused: ReadonlyMap<string, string> = made,
): readonly string[] {
  const complaints: string[] = [];
  const used = new Set<string>();
  for (const [path, source] of sources) {
    const { program, errors } = parseSync(path, source);
    if (errors[0] !== undefined) throw new Error(`${path} does not parse: ${errors[0].message}`);
    const complain = (start: number, what: string): void => {
      complaints.push(`${path}:${source.slice(0, start).split("\n").length} ${what}`);
    };
    const runTime = (start: number): void => {
      if (excused.has(path)) used.add(path);
      else complain(start, "makes a regular expression while it runs: write it as a literal, or say why it is sound");
    };
    new Visitor({
      Literal: (node) => {
        if (!("regex" in node) || fast.has(node.regex.pattern)) return;
        const found = slowness(node.regex.pattern, node.regex.flags);
        if (found !== undefined) complain(node.start, `/${node.regex.pattern}/ ${found}`);
      },
      NewExpression: ({ callee, start }) => {
        if (callee.type === "Identifier" && callee.name === "RegExp") runTime(start);
      },
      CallExpression: ({ callee, start }) => {
        if (callee.type === "Identifier" && callee.name === "RegExp") runTime(start);
      },
    }).visit(program);
  }
  for (const path of excused.keys()) {
    if (sources.has(path) && !used.has(path)) complaints.push(`${path} is excused in patterns/check.ts without need`);
  }
  return complaints;
}

/** Undefined for what takes linear time. What cannot be decided counts as slow: write it more simply. */
function slowness(pattern: string, flags: string): string | undefined {
  const verdict = checkSync(pattern, flags, { timeout: 20_000 });
  if (verdict.status === "safe") return undefined;
  if (verdict.status === "unknown") return `could not be judged (${verdict.error.kind})`;
  return `takes ${verdict.complexity.summary} time, for one with ${verdict.attack.pattern}`;
}
