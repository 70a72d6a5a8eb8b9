/** What is known of a streamed call besides what it said: enough to end it for a node that no longer can. */
import { isObject } from "../is-object.ts";
import { isRpcId, type RpcId } from "./messages.ts";

export type CallNote =
  /** It began, and has these requests to answer. */
  | { readonly begun: readonly RpcId[] }
  /** One request of several was answered. */
  | { readonly answered: RpcId }
  /** Everything was answered or given up. */
  | { readonly over: true };

export function writeCallNote(streamId: string, note: CallNote): string {
  return `${streamId} ${JSON.stringify(note)}`;
}

/** Undefined for notes about other streams, and for text of another shape, which a later version may have written. */
export function readCallNote(text: string, streamId: string): CallNote | undefined {
  if (!text.startsWith(`${streamId} `)) return undefined;
  const said: unknown = JSON.parse(text.slice(streamId.length + 1));
  if (!isObject(said)) return undefined;
  const { begun, answered, over } = said;
  if (Array.isArray(begun)) return { begun: begun.filter(isRpcId) };
  if (isRpcId(answered)) return { answered };
  return over === true ? { over } : undefined;
}
