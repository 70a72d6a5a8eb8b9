/**
 * What anonymous callers have of the state API: what names a handle, each in a partition of its own. Everything else, known
 * now or added later, is refused: it would need a name, or a list, that strangers share.
 */
import { HoldfastError } from "../../record/errors.ts";
import { mintId } from "../../record/ids.ts";
import { ownerOfHandle } from "../../security/anonymous.ts";
import type { KindDefinition } from "../definition.ts";
import type { Engine } from "../engine.ts";
import { type CompanionOf, Scope } from "../scope.ts";

type Method = (...given: readonly unknown[]) => unknown;
type FaceOf = (scope: Scope) => object;

/** Those whose first argument is the handle. */
const handled: ReadonlySet<string> = new Set([
  "get",
  "update",
  "patch",
  "increment",
  "append",
  "events",
  "decide",
  "history",
  "at",
  "repair",
  "destroy",
  "lock",
  "withLock",
]);

export type AnonymousInit = {
  readonly engine: Engine;
  readonly kind: KindDefinition;
  /** The face that a known principal has. */
  readonly faceOf: FaceOf;
  readonly companionOf?: CompanionOf;
  /** Whether `open` takes a handle rather than a name. */
  readonly opensHandles?: boolean;
};

/** The records of one kind, for callers nobody knows. */
export function anonymousFace(init: AnonymousInit): object {
  return new Proxy(
    {},
    {
      get: (_target, name) => {
        // Whoever awaits the face looks for this, and has the face.
        if (typeof name !== "string" || name === "then") return undefined;
        return methodOf(init, name);
      },
    },
  );
}

function methodOf({ engine, kind, faceOf, companionOf, opensHandles = false }: AnonymousInit, name: string): Method {
  const faceAt = (handle: string, mintAs?: string): object =>
    faceOf(new Scope(engine, ownerOfHandle(handle), kind, { ...(companionOf && { companionOf }), mintAs }));
  if (name === "open" && (opensHandles || kind.scope === "named")) {
    return (given) => {
      const handle = typeof given === "string" ? given : "";
      // What is named by a handle is that handle's; a name of any other shape would be everybody's.
      if (!opensHandles && !isHandle(handle)) throw refused(`"${kind.name}" of that name`);
      return call(faceAt(handle), name, [given]);
    };
  }
  if (kind.scope === "many" && name === "create") {
    return async (...given) => {
      if (given.some(hasIdempotency)) throw refused("an idempotency key for something new");
      const handle = mintId(kind.prefix);
      return await call(faceAt(handle, handle), name, given);
    };
  }
  if (kind.scope === "many" && handled.has(name)) {
    return async (...given) => await call(faceAt(typeof given[0] === "string" ? given[0] : ""), name, given);
  }
  return () => {
    throw refused(`${name} of "${kind.name}"`);
  };
}

/** What a hold's state has besides kinds; all of it is found by a name. */
export function anonymousNames(): Readonly<Record<"lock" | "withLock" | "heldLock" | "once" | "channel", Method>> {
  const refuse = (name: string) => (): never => {
    throw refused(name);
  };
  return {
    lock: async () => refuse("a lock")(),
    withLock: async () => refuse("a lock")(),
    heldLock: refuse("a lock"),
    once: async () => refuse("a call that counts once")(),
    channel: refuse("a channel"),
  };
}

/** The one refusal for whatever has no handle. */
export function refused(what: string): HoldfastError {
  return new HoldfastError(
    "FORBIDDEN",
    `Callers of this server are anonymous, and have only what they know the id of: there is no ${what}. Keep the ids you are given.`,
  );
}

function call(face: object, name: string, given: readonly unknown[]): unknown {
  const method: unknown = Reflect.get(face, name);
  // A face has every method that is named above, or the kind's own type has not.
  if (typeof method !== "function") throw refused(name);
  return Reflect.apply(method, face, given);
}

/** As `mintId` makes them: nobody guesses one. */
function isHandle(text: string): boolean {
  return /^[a-z][a-z0-9]*_[A-Za-z0-9_-]{22}$/.test(text);
}

function hasIdempotency(given: unknown): boolean {
  return typeof given === "object" && given !== null && "idempotency" in given && given.idempotency !== undefined;
}
