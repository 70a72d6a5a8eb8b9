/** Tools whose calls count once, by a key that the client gives and repeats. */
import {
  type CallToolResult,
  type InputRequiredResult,
  isInputRequiredResult,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { HoldfastError } from "../../record/errors.ts";
import { refuseUnknownNames } from "../../record/option-names.ts";
import type { OnceWork } from "../../state/once/once.ts";
import type { OnceCall } from "../../state/once/types.ts";
import { isObject } from "../is-object.ts";
import { roundIn } from "../request-state/round.ts";
import { withRound } from "../request-state/with-state.ts";

/** Where the key of a call stands, 1 to 128 characters, and whether a call without one is refused with `invalid_argument`. */
export type ExactlyOnceOptions = {
  /** The argument that holds the key. Default `idempotency_key`. */
  readonly argument?: string;
  /** Refuse calls without a key. Default: they are carried out like those of any other tool. */
  readonly required?: boolean;
};

/** Where a key may stand besides: in the `_meta` of the request. */
const metaKey = "holdfast/idempotency-key";
const mark: unique symbol = Symbol("holdfast.exactly-once");
type Marked = { readonly [mark]?: Required<ExactlyOnceOptions> };

/**
 * Declares that a tool's calls count once. A call with a key, in the argument named or in the request's `_meta` under
 * `holdfast/idempotency-key`, is carried out once within 24 hours, however often it is repeated, at once or later, on
 * whatever node; each repeat is answered with the first result. The same key with other arguments is a `conflict`.
 *
 * What the tool changes through `state`, `session` and `sessions` happens exactly once. The tool itself may run again
 * after a crash; what it does elsewhere happens at least once. Failed results are not kept: a repeat tries again, and goes
 * on where the first try failed.
 *
 * @example
 * const config = exactlyOnce({ description: "Orders the basket.", inputSchema: Order });
 * server.registerTool("order", config, ({ basket }) => reply(state.basket.update(basket, order)));
 */
export function exactlyOnce<Config extends object>(config: Config, options: ExactlyOnceOptions = {}): Config {
  refuseUnknownNames("exactlyOnce()", options, ["argument", "required"]);
  const { argument = "idempotency_key", required = false } = options;
  // As a symbol it is seen by nobody but us: neither by clients nor by the SDK.
  return Object.assign({ ...config }, { [mark]: { argument, required } } satisfies Marked);
}

type ToolResult = CallToolResult | InputRequiredResult;
type Callback = (...given: readonly unknown[]) => ToolResult | Promise<ToolResult>;
export type RunOnce = <T>(call: OnceCall, work: OnceWork<T>) => Promise<T>;

/** The callback of a tool whose config says that its calls count once; any other callback as it is. */
export function countingOnce(
  tool: { readonly name: string },
  config: object,
  callback: Callback,
  run: RunOnce,
): Callback {
  const options = (config as Marked)[mark];
  if (options === undefined) return callback;
  return async (...given) => {
    // The context is always the last thing the SDK passes.
    const context = given.at(-1) as ServerContext;
    const { _meta, signal } = context.mcpReq;
    const args = given.length > 1 && isObject(given[0]) ? given[0] : {};
    const { [options.argument]: argument, ...intent } = args;
    const key = argument ?? _meta?.[metaKey];
    if (key === undefined && !options.required) return await callback(...given);
    if (typeof key !== "string") {
      throw new HoldfastError(
        "INVALID_ARGUMENT",
        `"${options.argument}" has to be a text of 1 to 128 characters, the same whenever the call is repeated`,
      );
    }
    const call = { name: tool.name, key, intent, signal };
    const asked = roundIn(context);
    const work = async (): Promise<ToolResult> => {
      const result = await callback(...given);
      return isInputRequiredResult(result) ? withRound(result, asked + 1) : result;
    };
    return await run<ToolResult>(call, { run: work, isFinal, round: roundName(asked, context) });
  };
}

/**
 * The same for the same round of a call that is begun anew, whose state and answers are others. Without state it is what was
 * answered that tells one question from another.
 */
function roundName(asked: number, { mcpReq: { inputResponses } }: ServerContext): string {
  if (asked > 0) return String(asked);
  return inputResponses === undefined ? "" : JSON.stringify(Object.keys(inputResponses).sort());
}

function isFinal(result: ToolResult): boolean {
  return !isInputRequiredResult(result) && isObject(result) && result["isError"] !== true;
}
