import { refuseUnknownNames } from "../../record/option-names.ts";
import { CheckFailed } from "./check.ts";
import { openContext } from "./context.ts";
import type { Capability, OpenStore, Requirement } from "./requirement.ts";
import { requirements as allRequirements } from "./requirements.ts";

/** A requirement the store is known not to keep. It still runs, and must still fail. */
export type Exception = {
  readonly id: string;
  /** Why, in words that help whoever chooses a store. */
  readonly reason: string;
};

/**
 * Which requirements a run holds a store to, and how long each may take. An unknown option or id, and an exception without
 * a reason, make the run reject; an exception that is not needed any more is a failure.
 */
export type ConformanceOptions = {
  /** What `openStore` offers besides the store. Default: nothing. */
  readonly capabilities?: readonly Capability[];
  readonly exceptions?: readonly Exception[];
  /** Only these requirements, by id. Default: all. */
  readonly only?: readonly string[];
  /** Seed of everything random. Default: from the clock; it is part of every failure's message. */
  readonly seed?: number;
  /** Most milliseconds one requirement may take. Default 15,000. */
  readonly timeoutMs?: number;
};

const optionNames = [
  "capabilities",
  "exceptions",
  "only",
  "seed",
  "timeoutMs",
] as const satisfies readonly (keyof ConformanceOptions)[];

/** How one requirement went. */
export type Outcome =
  | { readonly id: string; readonly outcome: "passed"; readonly tookMs: number }
  | { readonly id: string; readonly outcome: "failed"; readonly tookMs: number; readonly error: Error }
  /** Failed, as an exception said it would. */
  | { readonly id: string; readonly outcome: "excepted"; readonly tookMs: number; readonly reason: string }
  | { readonly id: string; readonly outcome: "skipped"; readonly reason: string };

/** What a run of the conformance suite came to. */
export type Report = {
  /** Whether nothing failed. */
  readonly ok: boolean;
  readonly seed: number;
  /** One per requirement, in the suite's order. */
  readonly outcomes: readonly Outcome[];
};

/**
 * Holds a store to every requirement, one after another, each on a store opened for it alone.
 * Never rejects because of the store; rejects with a plain `Error` where the options make no sense.
 *
 * @example
 * const report = await runConformance(async () => ({ store: await memoryStore() }));
 * if (!report.ok) throw new Error(formatReport(report));
 */
export async function runConformance(openStore: OpenStore, options: ConformanceOptions = {}): Promise<Report> {
  const seed = options.seed ?? freshSeed();
  const outcomes: Outcome[] = [];
  for (const planned of plan(options)) outcomes.push(await runPlanned(planned, openStore, { ...options, seed }));
  return { ok: outcomes.every(({ outcome }) => outcome !== "failed"), seed, outcomes };
}

/** A report in words: what failed and why, what was skipped or excepted and why, and how many passed. */
export function formatReport(report: Report): string {
  const lines: string[] = [];
  let passed = 0;
  for (const entry of report.outcomes) {
    if (entry.outcome === "passed") passed += 1;
    else if (entry.outcome === "failed") lines.push(entry.error.message);
    else lines.push(`${entry.id} ${entry.outcome}: ${entry.reason}`);
  }
  lines.push(`${passed} of ${report.outcomes.length} requirements passed (seed ${report.seed})`);
  return lines.join("\n");
}

/** A requirement with what the options make of it. */
export type Planned = {
  readonly requirement: Requirement;
  readonly skip?: string;
  readonly exception?: Exception;
};

/** Which requirements run, which are skipped and why, and which must fail. Throws where the options make no sense. */
export function plan(options: ConformanceOptions): readonly Planned[] {
  refuseUnknownNames("the conformance suite", options, optionNames);
  const { capabilities = [], exceptions = [], only } = options;
  const known = new Set(allRequirements.map(({ id }) => id));
  for (const { id, reason } of exceptions) {
    if (!known.has(id)) throw new Error(`an exception names requirement "${id}", which does not exist`);
    if (reason.trim() === "") throw new Error(`the exception for ${id} gives no reason`);
  }
  for (const id of only ?? []) if (!known.has(id)) throw new Error(`requirement "${id}" does not exist`);

  return allRequirements
    .filter(({ id }) => only === undefined || only.includes(id))
    .map((requirement) => {
      const missing = requirement.needs?.find((need) => !capabilities.includes(need));
      const exception = exceptions.find(({ id }) => id === requirement.id);
      if (missing === undefined) return { requirement, ...(exception && { exception }) };
      if (exception !== undefined)
        throw new Error(`${requirement.id} is excepted, but would be skipped: it needs "${missing}"`);
      return { requirement, skip: `the store under test declares no "${missing}"` };
    });
}

/** Runs one planned requirement. Never rejects. */
export async function runPlanned(
  { requirement, skip, exception }: Planned,
  openStore: OpenStore,
  options: ConformanceOptions & { readonly seed: number },
): Promise<Outcome> {
  const { id } = requirement;
  if (skip !== undefined) return { id, outcome: "skipped", reason: skip };
  const startedAt = performance.now();
  const error = await failureOf(requirement, openStore, options);
  const tookMs = performance.now() - startedAt;
  if (exception !== undefined) {
    if (error !== undefined) return { id, outcome: "excepted", tookMs, reason: exception.reason };
    const passes = new Error(
      `${id} passes, yet an exception says it cannot ("${exception.reason}"): remove the exception`,
    );
    return { id, outcome: "failed", tookMs, error: passes };
  }
  return error === undefined ? { id, outcome: "passed", tookMs } : { id, outcome: "failed", tookMs, error };
}

async function failureOf(
  requirement: Requirement,
  openStore: OpenStore,
  { seed, timeoutMs = 15_000, capabilities = [] }: ConformanceOptions & { readonly seed: number },
): Promise<Error | undefined> {
  try {
    const context = await openContext(openStore, capabilities, seed);
    const failure = await within(timeoutMs, requirement.test(context));
    const leftover = await within(timeoutMs, context.dispose());
    const first = failure ?? leftover;
    return first && explained(requirement, first.thrown, seed);
  } catch (error) {
    return explained(requirement, error, seed);
  }
}

type Thrown = { readonly thrown: unknown };

/** What the promise was rejected with, if it was, or a failure that says that it took too long. Never rejects. */
async function within(ms: number, promise: Promise<void>): Promise<Thrown | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Thrown>((resolve) => {
    timer = setTimeout(() => resolve({ thrown: new CheckFailed(`nothing came of it within ${ms} ms`) }), ms);
  });
  const settled = promise.then(
    () => undefined,
    (thrown: unknown) => ({ thrown }),
  );
  try {
    return await Promise.race([settled, late]);
  } finally {
    clearTimeout(timer);
  }
}

function explained({ id, rule, text }: Requirement, error: unknown, seed: number): Error {
  const seen = error instanceof CheckFailed ? error.message : `it threw ${String(error)}`;
  return new Error(`${id} (rule ${rule}, seed ${seed}): ${text}\n  ${seen}`, { cause: error });
}

/** A seed for a run that was given none. */
export function freshSeed(): number {
  return Date.now() % 2_147_483_647;
}
