import { HoldfastError } from "../../record/errors.ts";
import { refuseUnknownNames } from "../../record/option-names.ts";
import { durationMs } from "../../state/duration.ts";
import type { Duration } from "../../state/types.ts";

/** What users confirm on a page of the author's. */
export type StepUpPurpose = {
  /**
   * Where the user confirms. The page has the user sign in, and then calls `hold.stepUps(principal).confirm(request)`. Put
   * nothing into the URL that signs anybody in: clients show it, and whoever has it may open it.
   */
  readonly url: (request: string) => string | URL;
  /** What the client shows to the user beside the URL. Default: a sentence that names the purpose. */
  readonly message?: string;
  /** How long a confirmation stands. Default `15m`. */
  readonly lasts?: Duration;
  /** How long a call waits for a user who has opened the page. Default `20s`; then the call is to be repeated. */
  readonly wait?: Duration;
};

export type Purpose = {
  readonly url: (request: string) => string | URL;
  readonly message: string;
  readonly lastsMs: number;
  readonly waitMs: number;
};

/** By name. A map, since purposes may be called anything. */
export type Purposes = ReadonlyMap<string, Purpose>;

/** A timer of Node counts to 2^31 - 1 milliseconds; nobody waits at a call for longer than this. */
const maxWaitMs = 10 * 60_000;

/** Throws `INVALID_ARGUMENT`, naming the purpose and what it may be. */
export function resolvePurposes(given: Readonly<Record<string, StepUpPurpose>>): Purposes {
  return new Map(Object.entries(given).map(([name, purpose]) => [name, resolvePurpose(name, purpose)]));
}

function resolvePurpose(name: string, purpose: StepUpPurpose): Purpose {
  const where = `stepUp.${name}`;
  if (name.length < 1 || name.length > 128) throw wrong("the name of a purpose in stepUp has 1 to 128 characters");
  refuseUnknownNames(`serve: ${where}`, purpose, ["url", "message", "lasts", "wait"]);
  const { url, message = `Confirm this in your browser: ${name}`, lasts = "15m", wait = "20s" } = purpose;
  if (typeof url !== "function") throw wrong(`${where}.url is a function of a request that returns a URL`);
  if (typeof message !== "string" || message === "") throw wrong(`${where}.message is a text`);
  return {
    url,
    message,
    lastsMs: durationMs(lasts, `serve: ${where}.lasts`),
    waitMs: Math.min(durationMs(wait, `serve: ${where}.wait`), maxWaitMs),
  };
}

function wrong(what: string): HoldfastError {
  return new HoldfastError("INVALID_ARGUMENT", `serve: ${what}`);
}
