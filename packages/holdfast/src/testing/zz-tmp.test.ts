import { it } from "vitest";
import { brokenStores } from "./broken/broken-stores.ts";
import { requirements } from "./conformance/requirements.ts";
import { runConformance } from "./conformance/run.ts";
import { writeFileSync } from "node:fs";
it("cover", async () => {
  const never = new Set(requirements.map(({ id }) => id));
  const lines: string[] = [];
  for (const b of brokenStores) { (await import("node:fs")).appendFileSync("/tmp/progress.txt", `${b.fault}\n`);
    const report = await runConformance(b.open, { capabilities: b.capabilities, seed: 1, timeoutMs: 300 });
    const failed = report.outcomes.filter((o) => o.outcome === "failed").map((o) => o.id);
    lines.push(`${b.fault}: ${failed.join(" ")}`);
    for (const id of failed) never.delete(id);
  }
  const named = new Set(brokenStores.flatMap((b) => b.caughtBy));
  writeFileSync("/tmp/cover.txt", `${lines.join("\n")}\n\nNEVER ${[...never].join(" ")}\n\nUNNAMED ${requirements.map((r) => r.id).filter((id) => !named.has(id)).join(" ")}`);
}, 600_000);
