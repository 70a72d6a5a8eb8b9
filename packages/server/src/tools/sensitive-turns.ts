import type { Turn } from "holdfast";

const tools: ReadonlySet<string> = new Set(["store_sensitive_data", "retrieve_sensitive_data"]);
const hidden = "[sealed]";

/** The turn to keep of a call: of those that carry what is sensitive, that they were made, and about which key. */
export function withoutSensitive(turn: Turn): Turn {
  if (!tools.has(turn.tool)) return turn;
  const { key, session_id } = isObject(turn.input) ? turn.input : {};
  return { ...turn, input: { session_id, key, value: hidden }, outputPreview: hidden };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
