import { isHoldfastError } from "holdfast/contract";

import { chooseAuthentication } from "../../auth/choose.ts";
import { chooseSealing } from "../../sealing/choose.ts";
import { flagName } from "../../settings/names.ts";
import type { Resolved } from "../../settings/resolve.ts";
import { keysOf, type Table } from "../../settings/table.ts";
import { bad, type Finding, good, warning } from "./check.ts";
import { weakSettings } from "./weak.ts";

/** That the settings hold together was seen when they were read; this is about what they lead to. */
export async function checkSettings(table: Table, resolved: Resolved): Promise<readonly Finding[]> {
  const { settings, sources } = resolved;
  const given = keysOf(table).filter((key) => sources[key] !== "default");
  const list = given.map((key) => `${flagName(key)} (${sources[key]})`);
  const findings: Finding[] = [good("settings", list.length === 0 ? "all at their defaults" : list.join(", "))];
  try {
    const { summary, warnings } = await chooseAuthentication(settings);
    findings.push(good("who may call", summary));
    for (const seen of warnings)
      findings.push(warning("who may call", seen, "serve starts all the same; mend it before others can call"));
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    findings.push(bad("who may call", error.message, "serve would not start like this"));
  }
  try {
    const { summary } = await chooseSealing(settings);
    findings.push(good("what is sealed", summary));
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    findings.push(bad("what is sealed", error.message, "serve would not start like this"));
  }
  return [...findings, ...weakSettings(table, resolved)];
}
