/** Where an operator's page ended, as two texts. Only operators see these cursors, so they hide nothing. */
import { invalid } from "../../store/validate.ts";

export type Place = readonly [string, string];

export function sealPlace(place: Place): string {
  return Buffer.from(JSON.stringify(place), "utf8").toString("base64url");
}

/** Throws `INVALID_ARGUMENT` for text that never was a cursor; the second part has to be a number where `numbered` says so. */
export function openPlace(cursor: string, numbered: 0 | 1): Place {
  const [one, other, ...more] = textsIn(Buffer.from(cursor, "base64url").toString("utf8"));
  const number = Number(numbered === 0 ? one : other);
  if (one === undefined || other === undefined || more.length > 0 || Number.isNaN(number)) {
    throw invalid("`after` is no cursor of these pages");
  }
  return [one, other];
}

function textsIn(json: string): readonly string[] {
  try {
    const parsed: unknown = JSON.parse(json);
    if (!Array.isArray(parsed)) return [];
    return parsed.filter((part: unknown) => typeof part === "string");
  } catch {
    return [];
  }
}
