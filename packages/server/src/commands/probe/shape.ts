/** Whether an answer has the shape it has to have; which part has not, and what it is instead. */
import { wrong } from "./failure.ts";
import { isJson, type Json } from "./wire.ts";

export type Shape =
  | "text"
  | "number"
  | "boolean"
  | "time"
  | "object"
  | "any"
  | readonly ["optional", Shape]
  | readonly ["nullable", Shape]
  | readonly ["list", Shape]
  | { readonly [name: string]: Shape };

/** Throws `ProbeFailure` naming the first part that is not as it should be. */
export function expectShape(where: string, value: unknown, shape: Shape): void {
  if (shape === "any") return;
  if (typeof shape === "string") {
    if (!isOf(shape, value)) throw wrong(`${where} has to be ${wordFor(shape)}, and is ${spoken(value)}`);
  } else if (isVariant(shape)) {
    const [variant, inner] = shape;
    if (variant === "optional" && value === undefined) return;
    if (variant === "nullable" && value === null) return;
    if (variant !== "list") expectShape(where, value, inner);
    else if (!Array.isArray(value)) throw wrong(`${where} has to be a list, and is ${spoken(value)}`);
    else for (const [index, item] of value.entries()) expectShape(`${where}[${index}]`, item, inner);
  } else if (!isJson(value)) {
    throw wrong(`${where} has to be an object, and is ${spoken(value)}`);
  } else {
    for (const [name, inner] of Object.entries(shape)) expectShape(`${where}.${name}`, value[name], inner);
  }
}

/** Throws `ProbeFailure` unless both are the same as JSON. */
export function expectSame(where: string, seen: unknown, expected: unknown): void {
  const [one, other] = [JSON.stringify(seen), JSON.stringify(expected)];
  if (one !== other) throw wrong(`${where} has to be ${other ?? "nothing"}, and is ${spoken(seen)}`);
}

/** Throws `ProbeFailure` unless positions go up by one. */
export function expectGapless(where: string, events: readonly Json[]): void {
  for (const [index, { position }] of events.entries()) {
    const before = events[index - 1]?.["position"];
    if (before === undefined || (typeof before === "number" && position === before + 1)) continue;
    throw wrong(`${where} has a gap: position ${JSON.stringify(position)} comes after ${JSON.stringify(before)}`);
  }
}

type Plain = Extract<Shape, string>;

function isVariant(shape: Exclude<Shape, string>): shape is Extract<Shape, readonly unknown[]> {
  return Array.isArray(shape);
}

function isOf(shape: Plain, value: unknown): boolean {
  switch (shape) {
    case "text":
      return typeof value === "string";
    case "number":
      return typeof value === "number" && Number.isFinite(value);
    case "boolean":
      return typeof value === "boolean";
    case "time":
      return typeof value === "string" && /^\d{4}-\d{2}-\d{2}T/.test(value) && !Number.isNaN(Date.parse(value));
    case "object":
      return isJson(value);
    case "any":
      return true;
  }
}

function wordFor(shape: Plain): string {
  const words = {
    text: "a text",
    number: "a number",
    boolean: "true or false",
    time: "an ISO time",
    object: "an object",
  };
  return shape === "any" ? "anything" : words[shape];
}

function spoken(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
