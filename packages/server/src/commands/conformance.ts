import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Capability, Exception, OpenStore, Outcome, Requirement } from "holdfast/testing";

import { type Command, defineCommand } from "../cli/command.ts";
import { json } from "../cli/common-flags.ts";
import type { Output } from "../cli/output.ts";
import { createProgress } from "../cli/progress.ts";
import { usage } from "../cli/usage.ts";
import { integer, list, type Row } from "../settings/row.ts";

const group = "This command";
const broken = 4;

type Judged = Outcome & { readonly requirement: Requirement };

export const conformanceCommand: Command = defineCommand({
  name: "conformance",
  summary: "hold a store of your own to the requirements of the contract",
  about: [
    "The module exports openStore (or a default): a function that opens an empty store for one requirement and",
    "resolves with { store, reopen?, peer?, advanceClock?, dispose? }. It may export capabilities (which of those",
    "it offers) and exceptions ({ id, reason }), as holdfast/testing has them.",
  ],
  arguments: [{ name: "FILE", help: "the module, such as ./store.js" }],
  flags: {
    only: list({ placeholder: "IDS", group, help: "Only these requirements, with commas: V1,S3" }),
    seed: optionalSeed(),
    timeout: integer({ default: 15_000, min: 1, max: 3_600_000, group, help: "Most milliseconds of one requirement" }),
    json,
  },
  examples: [["holdfast conformance ./store.js --only V1,V2 --seed 7", "again, the two that failed, as they did"]],
  exits: [[broken, "the store breaks a requirement"]],
  run: async ({ flags, arguments: [file = ""], out, signal }) => {
    const { openStore, capabilities, exceptions } = await load(file);
    const { requirements, runConformance } = await import("holdfast/testing");
    const seed = flags.seed ?? Date.now() % 2_147_483_647;
    const unknown = flags.only?.find((id) => !requirements.some((requirement) => requirement.id === id));
    if (unknown !== undefined) throw usage(`--only: there is no requirement ${JSON.stringify(unknown)}`);
    const chosen = requirements.filter(({ id }) => flags.only?.includes(id) ?? true);
    const progress = createProgress(out);
    const outcomes: Judged[] = [];
    for (const requirement of chosen) {
      if (signal.aborted) break;
      const { id } = requirement;
      const report = await runConformance(openStore, {
        capabilities,
        exceptions: exceptions.filter((exception) => exception.id === id),
        only: [id],
        seed,
        timeoutMs: flags.timeout,
      });
      for (const outcome of report.outcomes) outcomes.push({ ...outcome, requirement });
      progress.step({ what: "checking", done: outcomes.length, of: chosen.length, unit: "requirements" });
    }
    progress.end();
    if (signal.aborted) {
      out.note(`interrupted after ${outcomes.length} of ${chosen.length} requirements; nothing can be said`);
      return 1;
    }
    const failed = outcomes.filter(({ outcome }) => outcome === "failed");
    if (out.json) out.value({ ok: failed.length === 0, seed, outcomes: outcomes.map(asJson) });
    else tell(out, outcomes, seed);
    return failed.length === 0 ? 0 : broken;
  },
});

function optionalSeed(): Row<number | undefined> {
  const row = integer({ default: 0, min: 0, max: Number.MAX_SAFE_INTEGER, group, help: "Seed of everything random" });
  return { ...row, default: undefined, show: (value) => value };
}

type Loaded = {
  readonly openStore: OpenStore;
  readonly capabilities: readonly Capability[];
  readonly exceptions: readonly Exception[];
};

async function load(file: string): Promise<Loaded> {
  if (!existsSync(resolve(file))) throw usage(`there is no file ${resolve(file)}; name the module of your store`);
  let module: unknown;
  try {
    module = await import(pathToFileURL(resolve(file)).href);
  } catch (error) {
    throw usage(`${file} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
  }
  const {
    openStore,
    capabilities = [],
    exceptions = [],
    default: other,
  } = module as Partial<Loaded> & { default?: unknown };
  const open = openStore ?? other;
  if (typeof open !== "function") throw usage(`${file} has to export a function openStore, and does not`);
  if (!Array.isArray(capabilities) || !Array.isArray(exceptions)) {
    throw usage(`${file}: capabilities and exceptions have to be lists`);
  }
  // What the function answers is looked at by the suite.
  return { openStore: open as OpenStore, capabilities, exceptions };
}

function tell(out: Output, outcomes: readonly Judged[], seed: number): void {
  const groups = [...new Set(outcomes.map(({ requirement }) => requirement.group))];
  out.table(
    [
      { title: "group" },
      { title: "passed", align: "right" },
      { title: "failed", align: "right" },
      { title: "excepted", align: "right" },
      { title: "not run", align: "right" },
    ],
    groups.map((name) => {
      const of = outcomes.filter(({ requirement }) => requirement.group === name);
      const count = (wanted: Outcome["outcome"]): number => of.filter(({ outcome }) => outcome === wanted).length;
      return [name, count("passed"), count("failed"), count("excepted"), count("skipped")];
    }),
  );
  for (const entry of outcomes) {
    if (entry.outcome !== "failed") continue;
    out.line("");
    out.line(out.paint.bad(`${entry.id}  ${entry.requirement.text}`));
    for (const line of entry.error.message.split("\n")) out.line(`    ${line}`);
  }
  const failed = outcomes.filter(({ outcome }) => outcome === "failed").length;
  out.line("");
  out.line(failed === 0 ? out.paint.good(`conforms (seed ${seed})`) : out.paint.bad(`${failed} failed (seed ${seed})`));
}

function asJson(entry: Judged): Readonly<Record<string, unknown>> {
  const { id, outcome, requirement } = entry;
  return {
    id,
    outcome,
    text: requirement.text,
    ...("tookMs" in entry && { took_ms: Math.round(entry.tookMs) }),
    ...("reason" in entry && { reason: entry.reason }),
    ...(entry.outcome === "failed" && { error: entry.error.message }),
  };
}
