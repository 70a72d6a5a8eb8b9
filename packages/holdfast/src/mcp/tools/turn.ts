import type { CallToolResult } from "@modelcontextprotocol/server";
import type { Turn } from "../../state/types.ts";
import type { FinishedCall } from "./wrap.ts";

/** A finished call as a turn. The recorder of turns cuts inputs and previews to size; nothing is cut here. */
export function turnOf(call: FinishedCall): Turn {
  return {
    tool: call.tool,
    input: call.input,
    outputPreview: outputText(call.result),
    at: new Date(call.startedAt),
    durationMs: Math.round(call.durationMs * 1000) / 1000,
    ok: isResult(call.result) && call.result.isError !== true,
  };
}

/** Authors may return anything, whatever their types promise; the SDK answers that, and the turn says that it failed. */
function isResult(result: unknown): boolean {
  return typeof result === "object" && result !== null;
}

function outputText(result: CallToolResult): string {
  if (!isResult(result)) return "";
  const texts = (result.content ?? []).flatMap((block) => (block.type === "text" ? [block.text] : []));
  return texts.length > 0 ? texts.join("\n") : (jsonOf(result.structuredContent) ?? "");
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
