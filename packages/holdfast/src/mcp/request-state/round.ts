/** Which round a tool that asks is in, as its state says, handed from where the state is opened to where calls count once. */
import type { ServerContext } from "@modelcontextprotocol/server";

const mark: unique symbol = Symbol("holdfast.round");
type Marked = { readonly [mark]?: number };

export function roundMark(round: number | undefined): object {
  return round === undefined ? {} : ({ [mark]: round } satisfies Marked);
}

/** 0 where no state says so. */
export function roundIn({ mcpReq }: ServerContext): number {
  return (mcpReq as Marked)[mark] ?? 0;
}
