/** Puts the question for a confirmation before a tool that requires one. What decides is the store, never the answer. */
import {
  type CallToolResult,
  type InputRequiredResult,
  inputRequired,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { HoldfastError } from "../../record/errors.ts";
import type { Seat } from "../../state/step-up/seat.ts";
import { isObject } from "../is-object.ts";
import type { Purpose, Purposes } from "./purposes.ts";
import { requirementsOf } from "./requires.ts";

export type StepUpWiring = {
  readonly purposes: Purposes;
  readonly seat: Seat;
  readonly era: "2025" | "2026";
  readonly onError: (error: unknown) => void;
};

type ToolResult = CallToolResult | InputRequiredResult;
type Callback = (...given: readonly unknown[]) => ToolResult | Promise<ToolResult>;

/** The question's name among those of a call: none of the author's. */
const question = "holdfast.step-up";

/**
 * The callback of a tool that requires a confirmation; any other callback as it is. Throws `INVALID_ARGUMENT` for a
 * purpose that the server was not told of, when the tool is registered.
 */
export function confirmedFirst(
  config: object,
  callback: Callback,
  wiring: StepUpWiring | undefined,
  clientOf: (context: ServerContext) => string | undefined,
): Callback {
  const name = requirementsOf(config)?.stepUp;
  if (name === undefined) return callback;
  const purpose = wiring?.purposes.get(name);
  if (wiring === undefined || purpose === undefined) {
    throw new HoldfastError("INVALID_ARGUMENT", `a tool requires "${name}", which serve(…, { stepUp }) does not name`);
  }
  const { seat, era, onError } = wiring;
  return async (...given) => {
    // The context is always the last thing the SDK passes.
    const context = given.at(-1) as ServerContext;
    const { signal, inputResponses } = context.mcpReq;
    const answer: unknown = inputResponses?.[question];
    let standing = await seat.standing(name, { signal });
    if (standing === undefined) {
      if (answer === undefined) return await asked(name, purpose, { seat, era }, clientOf(context), signal);
      if (!isObject(answer) || answer["action"] !== "accept") throw notConfirmed("The user declined to confirm it.");
      // An answer says that the page was opened, and nothing of what was done there.
      standing = await seat.wait(name, AbortSignal.any([signal, AbortSignal.timeout(purpose.waitMs)]));
      if (standing === undefined) throw notConfirmed("Call again once it is confirmed on the page that was opened.");
    }
    if (answer !== undefined && era === "2025") await told(context, standing.elicitation).catch(onError);
    return await callback(...given.slice(0, -1), withoutOurs(context));
  };
}

async function asked(
  name: string,
  { url, message, lastsMs }: Purpose,
  { seat, era }: Pick<StepUpWiring, "seat" | "era">,
  client: string | undefined,
  signal: AbortSignal,
): Promise<InputRequiredResult> {
  const { request, elicitation } = await seat.ask({ purpose: name, client, lastsMs }, signal);
  const params = { message, url: new URL(url(request)).href };
  // Clients of 2025 know questions that send the user elsewhere by an id; those of 2026 have none.
  const named = era === "2025" ? { ...params, elicitationId: elicitation } : params;
  return inputRequired({ inputRequests: { [question]: inputRequired.elicitUrl(named) } });
}

/** So that a client which shows the page, or that it waits, stops. */
async function told({ mcpReq }: ServerContext, elicitationId: string): Promise<void> {
  await mcpReq.notify({ method: "notifications/elicitation/complete", params: { elicitationId } });
}

/** The author's tool asks its own questions, and sees the answers to those. */
function withoutOurs(context: ServerContext): ServerContext {
  const { inputResponses } = context.mcpReq;
  if (inputResponses === undefined || !Object.hasOwn(inputResponses, question)) return context;
  const { [question]: _ours, ...rest } = inputResponses;
  const left = Object.keys(rest).length === 0 ? undefined : rest;
  return { ...context, mcpReq: { ...context.mcpReq, inputResponses: left } } as ServerContext;
}

function notConfirmed(why: string): HoldfastError {
  return new HoldfastError("FORBIDDEN", `This tool needs a confirmation by the user, which is not there. ${why}`);
}
