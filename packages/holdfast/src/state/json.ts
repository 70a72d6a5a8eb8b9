/** JSON as the engine takes it: plain data, bounded in depth and size, with nothing lost on the way without a word. */
import { HoldfastError } from "../record/errors.ts";
import { utf8Length } from "../record/text.ts";

/** Most levels of objects and arrays in a document, an event or an argument. */
const maxDepth = 64;

/**
 * The JSON text of a value. `undefined` members are left out and `toJSON` is honoured, as in JSON.stringify; what it
 * would lose silently (functions, symbols, NaN, infinities, maps, sets, promises, class instances) and what it cannot
 * write (BigInt, cycles) throws `INVALID_ARGUMENT` with the path.
 */
export function jsonText(value: unknown, what: string, maxBytes: number): string {
  const walk: Walk = { what, path: [], left: maxBytes, maxBytes };
  if (value === undefined) throw unsupported(walk, "undefined");
  check(value, walk);
  const text = JSON.stringify(value);
  // A character is at least one byte and at most three: most texts need no counting.
  if (text.length * 3 > maxBytes && utf8Length(text) > maxBytes) throw tooLarge(walk);
  return text;
}

type Walk = { readonly what: string; readonly path: (string | number)[]; left: number; readonly maxBytes: number };

function check(value: unknown, walk: Walk): void {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return;
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw unsupported(walk, String(value));
    return;
  }
  if (typeof value !== "object") {
    if (value === undefined) return;
    throw unsupported(walk, `a ${typeof value}`);
  }
  checkObject(value, walk);
}

function checkObject(value: object, walk: Walk): void {
  // Every container takes at least two bytes of text: shared references cannot make the walk endless.
  walk.left -= 2;
  if (walk.left < 0) throw tooLarge(walk);
  if (hasToJson(value)) {
    const plain = value.toJSON();
    if (plain === value) throw unsupported(walk, "an object whose toJSON returns itself");
    if (plain === null || plain === undefined)
      throw unsupported(walk, `an invalid ${value.constructor?.name ?? "object"}`);
    check(plain, walk);
    return;
  }
  if (walk.path.length >= maxDepth) {
    throw new HoldfastError("INVALID_ARGUMENT", `${walk.what} is nested more than ${maxDepth} levels deep`);
  }
  if (Array.isArray(value)) {
    walk.path.push(0);
    for (let index = 0; index < value.length; index++) {
      walk.path[walk.path.length - 1] = index;
      check(value[index], walk);
    }
    walk.path.pop();
    return;
  }
  if (!isPlain(value)) throw unsupported(walk, `an instance of ${value.constructor?.name || "a class"}`);
  walk.path.push("");
  // Own members only, whatever they are called: `__proto__` is a name like any other.
  for (const [key, member] of Object.entries(value)) {
    walk.path[walk.path.length - 1] = key;
    check(member, walk);
  }
  walk.path.pop();
}

/** Whether JSON.stringify would write something else in its place: a date, a URL. */
export function hasToJson(value: object): value is { toJSON(): unknown } {
  return "toJSON" in value && typeof value.toJSON === "function";
}

/** An object literal's like, of any realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function unsupported(walk: Walk, found: string): HoldfastError {
  const where = walk.path.length === 0 ? "" : ` at ${pathInWords(walk.path)}`;
  return new HoldfastError("INVALID_ARGUMENT", `${walk.what} holds ${found}${where}; only JSON can be kept`, {
    details: { path: [...walk.path] },
  });
}

function tooLarge({ what, maxBytes }: Walk): HoldfastError {
  return new HoldfastError("INVALID_ARGUMENT", `${what} is larger than ${maxBytes} bytes`, { details: { maxBytes } });
}

/** `items[3].name`, for messages. */
export function pathInWords(path: readonly PropertyKey[]): string {
  return path
    .map((step, index) => (typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${String(step)}`))
    .join("")
    .slice(0, 200);
}

/**
 * What a text of ours says that a store gave back. Throws `STORE_CORRUPT` if it is not JSON any more; the message of
 * the parser would quote it, so that goes no further.
 */
export function parseStored(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new HoldfastError("STORE_CORRUPT", `${what} is not the JSON text that was written`);
  }
}

/** JSON text that is equal for equal values, whatever the order of their members. The value must be plain JSON. */
export function canonicalJson(text: string): string {
  return JSON.stringify(sorted(JSON.parse(text)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, member]) => [key, sorted(member)] as const);
  // Integer-like keys come first in any object, and always in the same order, so equality is kept.
  return Object.fromEntries(members);
}

/** Sets an own member, whatever its name: assignment to `__proto__` would change the prototype instead. */
export function setMember(target: object, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
    return;
  }
  // An object is a record of its string keys.
  (target as Record<string, unknown>)[key] = value;
}

/** An own member; inherited ones do not exist. */
export function getMember(target: object, key: string): unknown {
  return Object.hasOwn(target, key) ? (target as Record<string, unknown>)[key] : undefined;
}
