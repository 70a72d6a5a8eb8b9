import { z } from "zod";

import type { KindDefinition } from "./definition.ts";
import { durationInWords } from "./duration.ts";

/**
 * The schema of a handle, to be composed into the input of tools. Any string passes: a handle that is malformed is
 * answered by the record layer exactly like one that is unknown, so that neither tells a guesser anything.
 */
export function handleSchema(kind: KindDefinition, description: string | undefined): z.ZodString {
  return z.string().describe(description ?? describeHandle(kind));
}

/** What a handle is, how to get one and how long it lives, in words for a model. */
function describeHandle({ name, scope, prefix, lifetime }: KindDefinition): string {
  const words = name.replaceAll(/[.-]/g, " ");
  const source =
    scope === "many"
      ? `as returned by the call that created the ${words}; create one first if you have none`
      : `as returned by an earlier call about this ${words}`;
  return [`Handle of a ${words} (${prefix}_…), ${source}.`, lifetimeInWords(lifetime), "Pass it on unchanged."].join(
    " ",
  );
}

function lifetimeInWords({ idleMs, absoluteMs }: KindDefinition["lifetime"]): string {
  const idle = idleMs === undefined ? undefined : `${durationInWords(idleMs)} after its last use`;
  const absolute = absoluteMs === undefined ? undefined : `${durationInWords(absoluteMs)} after it was created`;
  if (idle === undefined && absolute === undefined) return "It stays valid until it is destroyed.";
  const limits = [idle, absolute].filter((limit) => limit !== undefined);
  return `It expires ${limits.join(" and at the latest ")}; an expired one cannot be revived.`;
}
