/**
 * Whatever bytes come: the process lives and goes on turning, answers are those that are declared, nothing of another
 * principal is in any, and what was refused has stored nothing. HOLDFAST_FUZZ_INPUTS says how many inputs, HOLDFAST_FUZZ_SEED
 * which.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";

import { removeFolder, temporaryFolder } from "../lib/server-process.ts";
import { fuzz } from "./campaign.ts";
import { watchStalls } from "./stalls.ts";

const inputs = Number(process.env["HOLDFAST_FUZZ_INPUTS"] ?? 20_000);
const seed = Number(process.env["HOLDFAST_FUZZ_SEED"] ?? Date.now() % 2 ** 31);

it(`stands ${inputs} inputs of every kind (seed ${seed})`, { timeout: 6 * 3_600_000 }, async () => {
  const { complaints, statuses, inputs: sent } = await fuzz({ inputs, seed });
  expect(complaints).toEqual([]);
  expect(sent).toBe(inputs);
  // The grammar reaches the server's inside, and its guards.
  expect(statuses.get("tool") ?? 0).toBeGreaterThan(inputs / 20);
  for (const status of ["200", "202", "400", "401", "403", "404", "405", "406", "415"]) {
    expect(statuses.get(status) ?? 0, `answers ${status} of ${JSON.stringify([...statuses])}`).toBeGreaterThan(0);
  }
});

it("would notice an event loop that does not turn", async () => {
  const dir = await temporaryFolder();
  const stalls = await watchStalls(dir);
  const busy =
    "setTimeout(() => { const t = process.cpuUsage(); while (process.cpuUsage(t).user < 400_000); setTimeout(() => {}, 100); }, 100)";
  const child = spawn(process.execPath, ["-e", busy], { env: { ...process.env, ...stalls.env }, stdio: "inherit" });
  await once(child, "exit");
  expect(await stalls.longestMs()).toBeGreaterThan(300);
  expect(await stalls.longestMs()).toBe(0);
  await removeFolder(dir);
});
