/** `npm run check:lengths`: a file of more than 400 lines is usually two things. Run from the repository's root. */

import { checkLengths } from "./lengths/check.ts";
import { readSources } from "./lib/sources.ts";

const sources = await readSources(process.cwd(), ["packages", "test", "scripts", "bench", "examples"]);
const complaints = checkLengths(sources);
for (const complaint of complaints) console.error(complaint);
console.log(`${sources.size} files, ${complaints.length} too long or excused without need`);
process.exitCode = complaints.length === 0 && sources.size > 0 ? 0 : 1;
