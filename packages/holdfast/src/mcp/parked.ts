/**
 * How a wrapped handler tells the transport of a 2025-era session that it needs more input: by a result that the SDK
 * passes on as any other, with what is needed inside. The transport takes it out; no client ever sees one.
 */
import type { InputRequiredResult } from "@modelcontextprotocol/server";

import { isObject } from "./is-object.ts";

const mark = "holdfast/parked";

/** Whether the call being handled can wait in the store for its client. */
export type Parks = () => Promise<boolean>;

/** A result of no content, whatever the method, that passes for one everywhere but in the transport. */
export function parkedResult(needed: InputRequiredResult): {
  content: [];
  messages: [];
  contents: [];
  isError: true;
  _meta: Record<string, unknown>;
} {
  // An error, so that the tool's output schema asks nothing of it.
  return { content: [], messages: [], contents: [], isError: true, _meta: { [mark]: needed } };
}

/** What a handler needs, if its result says so. */
export function neededBy(response: unknown): InputRequiredResult | undefined {
  const result = isObject(response) ? response["result"] : undefined;
  const meta = isObject(result) ? result["_meta"] : undefined;
  const needed = isObject(meta) ? meta[mark] : undefined;
  // Only `parkedResult` puts something there.
  return isObject(needed) ? (needed as unknown as InputRequiredResult) : undefined;
}
