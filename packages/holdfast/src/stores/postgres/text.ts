/**
 * Text PostgreSQL cannot keep: NUL, and lone surrogates. Each is written as U+0001 and four hexadecimal digits, and so is
 * U+0001 itself; all other text is kept as it is, which includes every JSON document.
 */
const unkept = /[\0\u0001]|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;
const kept = /\u0001([0-9a-f]{4})/g;

export function toColumn(text: string): string {
  return text.replace(unkept, (character) => `\u0001${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

export function fromColumn(text: string): string {
  if (!text.includes("\u0001")) return text;
  return text.replace(kept, (_whole, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** Object keys and texts inside fields alike. */
export function fieldsToColumn<T>(fields: Readonly<Record<string, T>>): Record<string, T | string> {
  return renamed(fields, toColumn);
}

export function fieldsFromColumn<T>(fields: Readonly<Record<string, T>>): Record<string, T | string> {
  return renamed(fields, fromColumn);
}

function renamed<T>(fields: Readonly<Record<string, T>>, rename: (text: string) => string): Record<string, T | string> {
  // `fromEntries` defines properties, so that a field named "__proto__" is one like any other.
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [rename(name), typeof value === "string" ? rename(value) : value]),
  );
}
