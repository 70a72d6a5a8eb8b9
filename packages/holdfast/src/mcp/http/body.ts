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

/** Whether objects and arrays nest deeper than `max`. Walks with a stack of its own, since the input is anybody's. */
export function isDeeperThan(value: unknown, max: number): boolean {
  const pending: { readonly node: object; readonly depth: number }[] = [];
  const push = (child: unknown, depth: number): boolean => {
    if (typeof child !== "object" || child === null) return false;
    if (depth > max) return true;
    pending.push({ node: child, depth });
    return false;
  };
  if (push(value, 1)) return true;
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const children = Array.isArray(next.node) ? next.node : Object.values(next.node);
    for (const child of children) if (push(child, next.depth + 1)) return true;
  }
  return false;
}
