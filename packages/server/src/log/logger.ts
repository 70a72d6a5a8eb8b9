import { HoldfastError } from "holdfast/contract";
import { destination, type Logger, pino, stdTimeFunctions } from "pino";

import type { Settings } from "../settings/table.ts";
import { scrub } from "./scrub.ts";

export type Log = Pick<Logger, "debug" | "info" | "warn" | "error" | "isLevelEnabled">;

/** One JSON line per message on stderr; stdout belongs to the protocol. Written at once, so that a crash loses none. */
export function createLog(level: Settings["logLevel"], node: string): Log {
  return pino(
    { level, base: { node }, timestamp: stdTimeFunctions.isoTime, serializers: { err: describeError } },
    destination({ fd: 2, sync: true }),
  );
}

/** What may be said of an error in a log: no ids, no documents. */
export function describeError(thrown: unknown): Readonly<Record<string, unknown>> {
  if (!(thrown instanceof Error)) return { message: scrub(String(thrown)) };
  return {
    name: thrown.name,
    ...codeOf(thrown),
    message: messageOf(thrown),
    // Our own errors explain themselves; the place of anything else is what one looks for.
    ...(thrown instanceof HoldfastError ? {} : { stack: framesOf(thrown) }),
    ...(thrown.cause === undefined ? {} : { cause: describeCause(thrown.cause) }),
  };
}

function describeCause(cause: unknown): unknown {
  return cause instanceof Error ? { name: cause.name, ...codeOf(cause), message: messageOf(cause) } : typeof cause;
}

/** The message of a parser or of a schema quotes what it could not make sense of. */
function messageOf(error: Error): string {
  if (error instanceof SyntaxError) return "text that could not be parsed";
  return error.name === "ZodError" ? "a value that does not fit its schema" : scrub(error.message);
}

function framesOf(error: Error): string {
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return scrub(
    frames
      .slice(0, 12)
      .map((line) => line.trim())
      .join(" | "),
  );
}

function codeOf(error: Error): { readonly code?: string } {
  return "code" in error && typeof error.code === "string" ? { code: error.code } : {};
}
