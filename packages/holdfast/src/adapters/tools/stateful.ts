import { randomUUID } from "node:crypto";
import { resultOfError } from "../../mcp/tools/errors.ts";
import { type HoldfastError, isHoldfastError } from "../../record/errors.ts";
import { refuseUnknownNames } from "../../record/option-names.ts";
import type { Principal } from "../../security/principal.ts";
import type { Hold } from "../../state/hold.ts";
import type { AnyKind, State } from "../../state/kind.ts";
import { servingHold } from "../../state/open-hold.ts";
import type { Sessions } from "../../state/types.ts";
import { reporter } from "../application.ts";
import type { TextResult } from "./result.ts";

/** Who calls the tools, and who hears of failures that clients are told of in general words. */
export type StatefulOptions<Host> = {
  /**
   * Who calls, by what the host passes to a tool besides its arguments (nothing, in tmcp). Or one principal for all:
   * `localUser` where the server runs on a person's own machine, and nowhere else.
   */
  readonly principal: Principal | ((host: Host) => Principal | Promise<Principal>);
  /** Called with failures whose cause is kept from clients. */
  readonly onError?: (error: unknown) => void;
};

/** What a tool is given besides its arguments: the state and the sessions of its caller, and of nobody else. */
export type StatefulContext<Kinds extends readonly AnyKind[], Host> = {
  readonly principal: Principal;
  readonly state: State<Kinds>;
  readonly sessions: Sessions;
  /** What the host passed besides the arguments. */
  readonly host: Host;
};

/**
 * Makes the callback of a tool, for its host to call. What holdfast throws in it becomes a result with `isError`, and
 * `{ error: { code, message, retryable } }` for clients, as with `serve()`; whatever else is thrown goes on to the host.
 */
export type Stateful<Kinds extends readonly AnyKind[], Host> = <Args, Result>(
  name: string,
  handler: (args: Args, context: StatefulContext<Kinds, Host>) => Result | Promise<Result>,
) => (args?: Args, host?: Host) => Promise<Result | TextResult>;

/**
 * Gives the tools of a server that holdfast does not serve what those of `serve()` have: the caller's state, their name in
 * conflicts and in the events they append, and failures of state as results that a model can act on. What else a tool
 * throws is left to its host.
 *
 * @example
 * const tool = statefulTools(hold, { principal: ({ authInfo }: { authInfo?: TokenInfo }) => principalOfToken(authInfo) });
 * server.registerTool("add_item", { inputSchema: { basket: Basket.id, sku: z.string() } },
 *   tool("add_item", ({ basket, sku }, { state }) => reply(state.basket.update(basket, (b) => { b.items.push(sku); }))));
 */
export function statefulTools<const Kinds extends readonly AnyKind[], Host = unknown>(
  hold: Hold<Kinds>,
  options: StatefulOptions<Host>,
): Stateful<Kinds, Host> {
  const serving = servingHold(hold);
  refuseUnknownNames("statefulTools()", options, ["principal", "onError"]);
  const report = reporter(options.onError === undefined ? {} : { onError: options.onError });
  const { principal: given } = options;
  return (name, handler) => async (givenArgs, givenHost) => {
    // Optional for the sake of hosts that pass less, and whose types say so.
    const [args, host] = [givenArgs as Parameters<typeof handler>[0], givenHost as Host];
    try {
      const principal = typeof given === "function" ? await given(host) : given;
      const context = { principal, state: hold.state(principal), sessions: hold.sessions(principal), host };
      return await serving.withinCall({ tool: name, id: randomUUID() }, async () => await handler(args, context));
    } catch (thrown) {
      if (isHoldfastError(thrown)) return failure(thrown, report);
      throw thrown;
    }
  };
}

function failure(error: HoldfastError, report: (error: unknown) => void): TextResult {
  // One text and what it says in a structure, which hosts' types do not see.
  return resultOfError(error, report) as unknown as TextResult;
}
