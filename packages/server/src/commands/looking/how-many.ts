import type { Output } from "../../cli/output.ts";
import type { Wanted } from "./state.ts";

export type Looked = {
  /** In the list. */
  readonly shown: number;
  /** In the state that was asked for. */
  readonly wanted: number;
  /** In any state. */
  readonly looked: number;
  readonly state: Wanted;
  /** `sessions`. */
  readonly unit: string;
};

/** Says beside a list what is not in it: an empty one alone would not tell a mistyped name from a state that nothing is in. */
export function noteRest(out: Output, { shown, wanted, looked, state, unit }: Looked): void {
  if (looked === 0) out.note(`there are no ${unit} of that sort in this store`);
  else if (wanted === 0) out.note(`none of ${looked.toLocaleString("en-US")} is ${state}; --state all shows them`);
  else if (wanted > shown) out.note(`${shown} of ${wanted}; --limit N shows more`);
}
