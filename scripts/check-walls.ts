/** `npm run check:walls`: fails, and says where, if an import goes through a wall. Run from the repository's root. */
import { readSources } from "./lib/sources.ts";
import { checkWalls, formatViolation } from "./walls/check.ts";

const sources = await readSources(process.cwd(), ["packages/holdfast/src", "packages/server/src"]);
const violations = checkWalls(sources);
for (const violation of violations) console.error(formatViolation(violation));
console.log(`${sources.size} files, ${violations.length} violations of the walls`);
process.exitCode = violations.length === 0 && sources.size > 0 ? 0 : 1;
