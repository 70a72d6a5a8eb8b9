/** `npm run check` uses it: the lock file must install from any registry, so it may record no address. */
import { readFile } from "node:fs/promises";

import { listFiles } from "./lib/sources.ts";
import { findAddresses } from "./lock/check.ts";

const files = ["package-lock.json", ...(await listFiles(process.cwd(), "test/tools", "/package-lock.json"))];
const complaints = await Promise.all(
  files.map(async (file) => findAddresses(await readFile(file, "utf8")).map((found) => `${file}: ${found}`)),
);
for (const complaint of complaints.flat()) console.error(complaint);
console.log(`${files.length} lock files, ${complaints.flat().length} addresses in them`);
process.exitCode = complaints.flat().length === 0 ? 0 : 1;
