/** `npm run check -- patterns`: no regular expression backtracks. Run from the repository's root. */
import { readSources } from "./lib/sources.ts";
import { checkPatterns } from "./patterns/check.ts";

const all = await readSources(process.cwd(), ["packages"]);
const sources = new Map([...all].filter(([path]) => path.includes("/src/") && !/\.test(-kit)?\.ts$/.test(path)));
const complaints = checkPatterns(sources);
for (const complaint of complaints) console.error(complaint);
console.log(
  `${sources.size} files, ${complaints.length} regular expressions that take too long, or are not known not to`,
);
process.exitCode = complaints.length === 0 && sources.size > 0 ? 0 : 1;
