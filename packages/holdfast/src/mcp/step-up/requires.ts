import { HoldfastError } from "../../record/errors.ts";
import { refuseUnknownNames } from "../../record/option-names.ts";

/** What a tool asks of the session it is called in. */
export type Requirements = {
  /** A purpose of `serve(…, { stepUp })` that the session has to be confirmed for. */
  readonly stepUp: string;
};

const mark: unique symbol = Symbol("holdfast.requires");
type Marked = { readonly [mark]?: Requirements };

/**
 * Declares that a tool is entered only in a session whose user has confirmed a purpose, on a page outside of the
 * protocol. A call without it asks the client to open that page (`client/elicitation`, "URL Mode Elicitation
 * Requests"), waits a moment, and goes on once it is confirmed; whoever declines or takes longer is answered
 * `forbidden`, and may call again. The confirmation counts for every tool with the same purpose, on every node, until
 * it lapses or is revoked.
 *
 * @example
 * const config = requires({ description: "Pays the basket.", inputSchema: Pay }, { stepUp: "payments" });
 * server.registerTool("pay", config, ({ basket }) => reply(state.basket.update(basket, pay)));
 */
export function requires<Config extends object>(config: Config, requirements: Requirements): Config {
  refuseUnknownNames("requires()", requirements, ["stepUp"]);
  if (typeof requirements.stepUp !== "string") {
    throw new HoldfastError("INVALID_ARGUMENT", 'requires(): stepUp is the name of a purpose, such as "payments"');
  }
  // As a symbol it is seen by nobody but us: neither by clients nor by the SDK.
  return Object.assign({ ...config }, { [mark]: requirements } satisfies Marked);
}

export function requirementsOf(config: object): Requirements | undefined {
  return (config as Marked)[mark];
}
