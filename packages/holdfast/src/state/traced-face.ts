import type { Telemetry } from "../telemetry/telemetry.ts";

type Method = (...given: readonly unknown[]) => unknown;

/**
 * The records of a kind as authors have them, with a span for each operation. What `open` answers is traced as well. The
 * face itself where nobody traces.
 */
export function tracedFace<Face extends object>(face: Face, kind: string, telemetry: Telemetry): Face {
  if (telemetry.tracer === undefined) return face;
  return new Proxy(face, {
    get: (target, name) => {
      // Read from the target, whose private fields no proxy has.
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function" || typeof name !== "string") return value;
      // A method of the face: what it takes and answers passes through unseen.
      return traced(target, value as Method, name, kind, telemetry);
    },
  });
}

function traced(target: object, method: Method, name: string, kind: string, telemetry: Telemetry): Method {
  if (name === "open") {
    return (...given) => {
      const opened = Reflect.apply(method, target, given);
      return typeof opened === "object" && opened !== null ? tracedFace(opened, kind, telemetry) : opened;
    };
  }
  const attributes = { "holdfast.operation.name": name, "holdfast.kind": kind };
  return (...given) =>
    telemetry.span(`${name} ${kind}`, { attributes }, async () => await Reflect.apply(method, target, given));
}
