import type { CallToolResult } from "@modelcontextprotocol/server";
import { isRecordId } from "../../record/ids.ts";
import type { Turn } from "../../state/types.ts";
import type { FinishedCall } from "./wrap.ts";

/** How calls are remembered: what is left out of them, and on which node they ran. */
export type TurnPolicy = {
  readonly node: string;
  readonly except: ReadonlySet<string>;
  /** The argument that names the session of a call which comes without one. */
  readonly session: string | undefined;
  readonly redact: ((turn: Turn) => Turn | undefined) | undefined;
};

/**
 * What is kept of a finished call; undefined if nothing is. A redaction that fails keeps nothing: better a turn too few
 * than a secret in a log.
 */
export function keptTurn(
  call: FinishedCall,
  { node, except, redact }: Omit<TurnPolicy, "session">,
  report: (error: unknown) => void,
): Turn | undefined {
  if (except.has(call.tool)) return undefined;
  const turn: Turn = { ...turnOf(call), node, call: call.id };
  if (redact === undefined) return turn;
  try {
    // A copy is the author's to change; what the tool was given stays as it is.
    const redacted = redact({ ...turn, input: structuredClone(turn.input) });
    // What is no turn, whatever the types promise, keeps nothing.
    if (typeof redacted?.outputPreview !== "string") return undefined;
    return { ...turn, input: redacted.input, outputPreview: redacted.outputPreview };
  } catch (error) {
    report(error);
    return undefined;
  }
}

/** The handle of a session that a call was given; undefined if there is none, or nothing that could be one. */
export function sessionNamedIn(input: unknown, argument: string | undefined): string | undefined {
  if (argument === undefined || typeof input !== "object" || input === null) return undefined;
  const handle: unknown = Object.hasOwn(input, argument) ? Reflect.get(input, argument) : undefined;
  return typeof handle === "string" && isRecordId(handle) ? handle : undefined;
}

const hidden = "[sealed]";

/** A finished call as a turn. The recorder of turns cuts inputs and previews to size; nothing is cut here. */
export function turnOf(call: FinishedCall): Turn {
  return {
    tool: call.tool,
    input: call.secret ? hidden : call.input,
    outputPreview: call.secret ? hidden : outputText(call.result),
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
  const blocks: unknown = result.content;
  const texts = Array.isArray(blocks) ? blocks.flatMap((block: unknown) => textOf(block)) : [];
  return texts.length > 0 ? texts.join("\n") : (jsonOf(result.structuredContent) ?? "");
}

function textOf(block: unknown): readonly string[] {
  if (typeof block !== "object" || block === null || !("text" in block)) return [];
  return typeof block.text === "string" ? [block.text] : [];
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
