import type { InputRequiredResult } from "@modelcontextprotocol/server";

import { refuseUnknownNames } from "../../record/option-names.ts";

export type PlainState = {
  readonly value: unknown;
  readonly singleUse?: boolean | undefined;
  /** How often a call that counts once has asked. */
  readonly round?: number;
};

const mark: unique symbol = Symbol("holdfast.request-state");
type Marked = { readonly [mark]?: PlainState };

/**
 * Gives a value along with a question: it comes back with the answers, as `requestState()` of the call's context, just
 * as it was (2026-07-28 `basic/patterns/mrtr`, "Server Requirements (Basic Workflow)"). The client neither reads nor
 * changes it; it is good for ten minutes, for the same caller and the same request.
 *
 * With `singleUse` it is carried out once: whoever presents it again, at once or later, is answered with the first result.
 *
 * @example
 * return withState(inputRequired({ inputRequests: { confirm } }), { total: 12 }, { singleUse: true });
 */
export function withState(
  needed: InputRequiredResult,
  value: unknown,
  options: { readonly singleUse?: boolean } = {},
): InputRequiredResult {
  refuseUnknownNames("withState()", options, ["singleUse"]);
  return Object.assign({ ...needed }, { [mark]: { value, singleUse: options.singleUse } } satisfies Marked);
}

/** The same question, whose state says which it is; one without state says nothing. */
export function withRound(needed: InputRequiredResult, round: number): InputRequiredResult {
  const state = plainState(needed);
  return state === undefined ? needed : Object.assign({ ...needed }, { [mark]: { ...state, round } } satisfies Marked);
}

/** The state of a result: what `withState` put in, or whatever stands in its place. */
export function plainState(needed: InputRequiredResult): PlainState | undefined {
  const marked = (needed as Marked)[mark];
  if (marked !== undefined) return marked;
  const value: unknown = needed.requestState;
  return value === undefined ? undefined : { value };
}
