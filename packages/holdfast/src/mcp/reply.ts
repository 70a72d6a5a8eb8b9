import type { CallToolResult } from "@modelcontextprotocol/server";
import type { RecordView } from "../state/types.ts";
import { isObject } from "./is-object.ts";

/**
 * Makes a tool result of what a tool has to say: as `structuredContent`, where it is an object (`server/tools`,
 * "Structured Content"), and as the same JSON in text for clients that read only that.
 *
 * A record becomes `{ <kind>: id, version, position?, value, expires_at? }` (the position of event-sourced ones), so that the model sees the handle under the name of
 * its kind, just as tools that take it name it. `undefined` becomes an empty result. Rejects if the promise does; inside
 * of a tool that is answered as an error result.
 *
 * @example
 * server.registerTool("create_basket", { description: "…" }, () => reply(state.basket.create()));
 */
export async function reply(value: unknown): Promise<CallToolResult> {
  const settled = await value;
  if (settled === undefined) return { content: [] };
  const json = isRecordView(settled) ? recordJson(settled) : settled;
  const content: CallToolResult["content"] = [{ type: "text", text: jsonText(json) }];
  return isObject(json) ? { content, structuredContent: json } : { content };
}

/** Functions and symbols have no JSON; like other things that are none, they are nothing. */
function jsonText(value: unknown): string {
  const text: string | undefined = JSON.stringify(value);
  return text ?? "null";
}

function recordJson(view: RecordView<unknown>): Record<string, unknown> {
  return {
    [view.kind]: view.id,
    version: view.version,
    // Of an event-sourced record: what a condition on it has to name.
    ...("position" in view && { position: view.position }),
    value: view.value,
    ...(view.expiresAt === undefined ? {} : { expires_at: view.expiresAt.toISOString() }),
  };
}

function isRecordView(value: unknown): value is RecordView<unknown> {
  return (
    isObject(value) &&
    typeof value["kind"] === "string" &&
    typeof value["id"] === "string" &&
    typeof value["version"] === "number" &&
    value["counters"] instanceof Map &&
    value["heads"] instanceof Map
  );
}
