/** `npm run check -- owners`: nothing reaches a store without its owner. Run from the repository's root. */
import { readSources } from "./lib/sources.ts";
import { checkOwners } from "./owners/check.ts";

const sources = await readSources(process.cwd(), ["packages/holdfast/src/stores"]);
const complaints = checkOwners(sources);
for (const complaint of complaints) console.error(complaint);
console.log(`${sources.size} files, ${complaints.length} statements, scripts or keys without an owner`);
process.exitCode = complaints.length === 0 && sources.size > 0 ? 0 : 1;
