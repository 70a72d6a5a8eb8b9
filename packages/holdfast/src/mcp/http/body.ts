/** Turns the text of a request body into JSON that is safe to walk, or into the answer that refuses it. */
import type { Reply } from "../exchange.ts";
import { invalidRequest, parseError } from "./answers.ts";

export type ParsedBody = { readonly body: unknown } | { readonly refused: Reply };

export type BodyLimits = { readonly maxBatch: number; readonly maxDepth: number };

export function parseBody(text: string, limits: BodyLimits): ParsedBody {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { refused: parseError() };
  }
  return refused(body, limits, (max) => nestsDeeperThan(text, max)) ?? { body };
}

/** The checks a body needs that somebody else has parsed. */
export function checkBody(body: unknown, limits: BodyLimits): ParsedBody {
  return refused(body, limits, (max) => isDeeperThan(body, max)) ?? { body };
}

function refused(body: unknown, limits: BodyLimits, isTooDeep: (max: number) => boolean): ParsedBody | undefined {
  if (Array.isArray(body)) {
    if (body.length === 0) return { refused: invalidRequest("a batch holds at least one message") };
    if (body.length > limits.maxBatch) {
      return { refused: invalidRequest(`a batch holds at most ${limits.maxBatch} messages`) };
    }
  }
  // A batch is no nesting of its message's making, so its elements are measured alike inside and outside of one.
  const depth = Array.isArray(body) ? limits.maxDepth + 1 : limits.maxDepth;
  return isTooDeep(depth)
    ? { refused: invalidRequest(`JSON nested deeper than ${limits.maxDepth} levels`) }
    : undefined;
}

const [quote, backslash, openList, closeList, openObject, closeObject] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Whether objects and arrays nest deeper than `max` in a text that is JSON. A look at the text is many times faster than a
 * walk of what it came to, and everybody else waits meanwhile.
 */
export function nestsDeeperThan(text: string, max: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === quote) at = endOfString(text, at);
    else if (code === openObject || code === openList) {
      depth += 1;
      if (depth > max) return true;
    } else if (code === closeObject || code === closeList) depth -= 1;
  }
  return false;
}

/** Where the string that begins at a quote has its last one. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === backslash) before -= 1;
  return (at - before) % 2 === 0;
}

/** The same of a value that somebody else has parsed. Walks with a stack of its own, since the input is anybody's. */
export function isDeeperThan(value: unknown, max: number): boolean {
  const nodes: object[] = [];
  const depths: number[] = [];
  const push = (child: unknown, depth: number): boolean => {
    if (typeof child !== "object" || child === null) return false;
    if (depth > max) return true;
    nodes.push(child);
    depths.push(depth);
    return false;
  };
  if (push(value, 1)) return true;
  for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
    const depth = (depths.pop() ?? max) + 1;
    const children: readonly unknown[] = Array.isArray(node) ? node : Object.values(node);
    for (const child of children) if (push(child, depth)) return true;
  }
  return false;
}
