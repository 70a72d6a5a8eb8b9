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
  return checkBody(body, limits);
}

/** The checks a body needs that somebody else has parsed. */
export function checkBody(body: unknown, limits: BodyLimits): ParsedBody {
  if (Array.isArray(body)) {
    if (body.length === 0) return { refused: invalidRequest("a batch holds at least one message") };
    if (body.length > limits.maxBatch) {
      return { refused: invalidRequest(`a batch holds at most ${limits.maxBatch} messages`) };
    }
  }
  // A batch is no nesting of its message's making, so its elements are measured alike inside and outside of one.
  const depth = Array.isArray(body) ? limits.maxDepth + 1 : limits.maxDepth;
  if (isDeeperThan(body, depth))
    return { refused: invalidRequest(`JSON nested deeper than ${limits.maxDepth} levels`) };
  return { body };
}

/**
 * Whether objects and arrays nest deeper than `max`. Walks with a stack of its own, since the input is anybody's; in two
 * plain arrays, since a body of small objects has a million of them and everybody else waits meanwhile.
 */
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
