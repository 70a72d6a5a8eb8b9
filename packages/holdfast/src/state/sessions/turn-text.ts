/** What a session keeps of a turn. The one place that bounds it: turns are for orientation, no second copy of documents. */
import { cut } from "../../record/text.ts";
import { parseStored } from "../json.ts";
import type { Turn } from "../types.ts";

/** Most characters of an input, as JSON, that a turn keeps whole. */
const maxInput = 4_096;
const maxPreview = 200;

/** A turn as stored, its input and preview cut to size; undefined for one without a time, which nothing could show. */
export function turnText({ tool, input, outputPreview, at, durationMs, ok, node, call }: Turn): string | undefined {
  if (Number.isNaN(at.getTime())) return undefined;
  const rest = JSON.stringify({ tool, outputPreview: cut(outputPreview, maxPreview), at, durationMs, ok, node, call });
  // The input's text goes in as it is: what `toJSON` methods answer a second time need not be what was measured.
  return `${rest.slice(0, -1)},"input":${inputText(input)}}`;
}

export function parseTurn(data: string): Turn {
  // Written by `turnText`.
  const stored = parseStored(data, "a turn") as Omit<Turn, "at"> & { readonly at: string };
  return { ...stored, at: new Date(stored.at) };
}

/** The input; of a larger one its beginning and its size, and nothing of what is no JSON (a cycle, a big integer). */
function inputText(input: unknown): string {
  const text = jsonOf(input);
  if (text === undefined) return "null";
  return text.length <= maxInput ? text : JSON.stringify({ truncated: cut(text, maxPreview), characters: text.length });
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}
