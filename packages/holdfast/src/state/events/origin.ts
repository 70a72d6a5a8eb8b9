import { isOfLength } from "../../record/text.ts";
import { invalid } from "../refusals.ts";
import type { Scope } from "../scope.ts";
import type { EventOrigin } from "./types.ts";

/** Who does something now: whom the caller names, and what is known of the tool call that is under way. */
export function originOf({ engine, guest }: Scope, agent: string | undefined): EventOrigin {
  if (agent !== undefined && !(typeof agent === "string" && isOfLength(agent, 128))) {
    throw invalid("an agent's name has 1 to 128 characters");
  }
  const call = engine.calls.get();
  return {
    ...(agent !== undefined && { agent }),
    ...(call?.client !== undefined && { client: call.client }),
    ...(call !== undefined && { tool: call.tool, call: call.id }),
    ...(guest !== undefined && { grant: guest.grant }),
  };
}
