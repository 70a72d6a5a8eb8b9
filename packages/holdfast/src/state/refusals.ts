/** Refusals of the store, as errors of the face. */
import type { Refusal } from "../record/change.ts";
import { HoldfastError } from "../record/errors.ts";

/**
 * The one wording for a handle that leads nowhere: unknown, malformed, expired, ended and somebody else's read the
 * same, so that nobody learns from it that an id exists.
 */
export const notFoundText =
  "There is no such record: the handle is unknown, or what it named has expired or was ended. Create a new one, or check the handle.";

/**
 * The error for a handle that leads nowhere, in that wording: for tools that refuse handles for reasons of their own.
 *
 * @example
 * if (!basket.startsWith("basket_")) throw notFound();
 */
export function notFound(): HoldfastError {
  return new HoldfastError("NOT_FOUND", notFoundText);
}

export function invalid(message: string, details?: Readonly<Record<string, unknown>>): HoldfastError {
  return new HoldfastError("INVALID_ARGUMENT", message, details === undefined ? {} : { details });
}

export function reusedCommitId(): HoldfastError {
  return new HoldfastError(
    "COMMIT_ID_REUSED",
    "this idempotency key was used within the last 24 hours for something else; choose a new key, or repeat the call exactly",
  );
}

export function conflict(expected: unknown, actual: number | undefined): HoldfastError {
  return new HoldfastError(
    "CONFLICT",
    `the record stands at version ${actual ?? "none"}, not at ${String(expected)}; read it again and decide anew`,
    { details: { expected, actual } },
  );
}

export function contention(what: string, details: Readonly<Record<string, unknown>>): HoldfastError {
  return new HoldfastError("CONTENTION", `${what}; try again shortly, or spread the work over several records`, {
    details,
  });
}

/** A refused commit wrote nothing; this says why, without naming the record. */
export function refusalError(refusal: Refusal): HoldfastError {
  switch (refusal.reason) {
    case "version":
      // A live record was expected and there is none: the same answer as for a handle that never was.
      return refusal.actual === undefined ? notFound() : conflict(refusal.expected, refusal.actual);
    case "beginning":
      return conflict(refusal.expected, refusal.actual);
    case "position": {
      const { stream, expected, actual } = refusal;
      return new HoldfastError("CONFLICT", `stream "${stream}" stands at position ${actual}, not at ${expected}`, {
        details: { stream, expected, actual },
      });
    }
    case "bounds": {
      const { counter, value, by } = refusal;
      return new HoldfastError(
        "OUT_OF_BOUNDS",
        `counter "${counter}" is ${value}; adding ${by} would leave its bounds`,
        {
          details: { counter, value, by },
        },
      );
    }
    case "fence":
      return new HoldfastError("FENCED", "somebody else holds the lease by now; this change is not made", {
        details: { token: refusal.token },
      });
    case "commit-id":
      return reusedCommitId();
    default:
      // What is left is a quota; another reason would not compile here.
      return quotaError(refusal);
  }
}

type QuotaRefusal = Extract<Refusal, { readonly reason: "quota" }>;

function quotaError({ quota, limit }: QuotaRefusal): HoldfastError {
  return new HoldfastError("QUOTA_EXCEEDED", quotaTexts[quota](limit), { details: { quota, limit } });
}

const quotaTexts: Readonly<Record<QuotaRefusal["quota"], (limit: number) => string>> = {
  records: (limit) => `there are ${limit} records already, the most one principal may have; end some first`,
  kind: (limit) => `there are ${limit} records of this kind already, the most one principal may have; end some first`,
  bytes: (limit) =>
    `this would take more than ${limit} bytes, the most one principal may have; end or shorten something first`,
  commitIds: (limit) =>
    `there are ${limit} idempotency keys of the last 24 hours already, the most one principal may have; repeat without one, or wait`,
  counters: (limit) => `the record has ${limit} counters already, the most one may have; use one of them`,
  streams: (limit) => `the record has ${limit} streams already, the most one may have; use one of them`,
};
