/** What the official suite left behind: one folder for each scenario, with every check it made. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const checkSchema = z.object({
  id: z.string(),
  status: z.enum(["SUCCESS", "FAILURE", "WARNING", "SKIPPED", "INFO"]),
  description: z.string().optional(),
  errorMessage: z.string().optional(),
});

export type Check = z.infer<typeof checkSchema>;

export type ScenarioResult = { readonly scenario: string; readonly checks: readonly Check[] };

/** `server-<scenario>-<time>`; the suite has one such folder for every scenario it started. */
const folderName = /^server-(?<scenario>.+)-\d{4}-\d{2}-\d{2}T[\d-]+Z$/;

/**
 * Reads every scenario's checks, by name.
 * @throws if a folder's name or a file's content is not what the suite is known to write: a format we cannot read
 *   must not look like a run without failures.
 */
export async function readResults(dir: string): Promise<readonly ScenarioResult[]> {
  const results: ScenarioResult[] = [];
  for (const folder of (await readdir(dir)).sort()) {
    const scenario = folderName.exec(folder)?.groups?.["scenario"];
    if (scenario === undefined) throw new Error(`"${folder}" in ${dir} is not named like the result of a scenario`);
    const text = await readFile(join(dir, folder, "checks.json"), "utf8");
    results.push({ scenario, checks: z.array(checkSchema).parse(JSON.parse(text)) });
  }
  return results;
}

/** How many checks of a scenario ended one way. */
export function count(result: ScenarioResult, status: Check["status"]): number {
  return result.checks.filter((check) => check.status === status).length;
}
