import type { CallToolResult } from "@modelcontextprotocol/server";
import type { Turn } from "../../state/types.ts";
import type { FinishedCall } from "./wrap.ts";

const maxPreview = 200;
/** Inputs beyond this are kept as a preview: turns are for orientation, not a second copy of documents. */
const maxInputCharacters = 4_096;

/** A finished call as a session remembers it. */
export function turnOf(call: FinishedCall): Turn {
  return {
    tool: call.tool,
    input: boundedInput(call.input),
    outputPreview: preview(call.result),
    at: new Date(call.startedAt),
    durationMs: Math.round(call.durationMs * 1000) / 1000,
    ok: isResult(call.result) && call.result.isError !== true,
  };
}

function boundedInput(input: unknown): unknown {
  const text = jsonOf(input);
  if (text === undefined) return null;
  return text.length <= maxInputCharacters ? input : { truncated: cut(text, maxPreview) };
}

/** Authors may return anything, whatever their types promise; the SDK answers that, and the turn says that it failed. */
function isResult(result: unknown): boolean {
  return typeof result === "object" && result !== null;
}

function preview(result: CallToolResult): string {
  if (!isResult(result)) return "";
  const texts = (result.content ?? []).flatMap((block) => (block.type === "text" ? [block.text] : []));
  if (texts.length > 0) return cut(texts.join("\n"), maxPreview);
  return cut(jsonOf(result.structuredContent) ?? "", maxPreview);
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** At most `length` characters, never half of a surrogate pair. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  const end = /[\uD800-\uDBFF]/.test(text.charAt(length - 1)) ? length - 1 : length;
  return text.slice(0, end);
}
