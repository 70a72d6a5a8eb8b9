/** Every code a `HoldfastError` can carry. `docs/errors.md` has a row for each; a test keeps them equal. */
export const errorCodes = [
  "ABORTED",
  "CLOSED",
  "COMMIT_ID_REUSED",
  "CONFIGURATION",
  "CONFLICT",
  "CONTENTION",
  "FENCED",
  "FORBIDDEN",
  "INVALID_ARGUMENT",
  "NOT_FOUND",
  "OUTCOME_UNKNOWN",
  "OUT_OF_BOUNDS",
  "QUOTA_EXCEEDED",
  "REPLAY_WINDOW_EXCEEDED",
  "SCHEMA_MISMATCH",
  "SEAL_BROKEN",
  "SEAL_KEY_MISSING",
  "STORE_CORRUPT",
  "STORE_FULL",
  "STORE_UNSAFE",
  "UNAVAILABLE",
] as const;

/** One of `errorCodes`. */
export type ErrorCode = (typeof errorCodes)[number];

/** Codes after which the same call may succeed unchanged. */
const retryableCodes: ReadonlySet<ErrorCode> = new Set(["CONTENTION", "OUTCOME_UNKNOWN", "UNAVAILABLE"]);

/** What an error carries besides its code and its message. */
export type ErrorInit = {
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
};

/**
 * The one error type of holdfast. Match on `code`, never on `message`: messages name the thing, the value and the
 * remedy, and may improve.
 *
 * @example
 * try {
 *   await state.basket.update(id, order, { ifVersion: 3 });
 * } catch (error) {
 *   if (!(error instanceof HoldfastError) || error.code !== "CONFLICT") throw error;
 *   console.log("somebody else came first", error.details);
 * }
 */
export class HoldfastError extends Error {
  override readonly name = "HoldfastError";
  readonly code: ErrorCode;
  /** Facts for programs. Never secrets, documents or another principal's data. */
  readonly details: Readonly<Record<string, unknown>>;
  /**
   * Whether repeating the same call may succeed. True of `OUTCOME_UNKNOWN` as well, where the first call may have been
   * applied: a loop that repeats whatever is retryable increments and appends twice, unless every call carries the same
   * commit id (of the store) or idempotency key (of the state API) as the one before.
   */
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, init: ErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = code;
    this.details = init.details ?? {};
    this.retryable = retryableCodes.has(code);
  }
}

/**
 * Whether something thrown is a `HoldfastError`, optionally of one code.
 *
 * @example
 * const found = await state.basket.get(id).catch((error: unknown) => {
 *   if (isHoldfastError(error, "NOT_FOUND")) return undefined;
 *   throw error;
 * });
 */
export function isHoldfastError(thrown: unknown, code?: ErrorCode): thrown is HoldfastError {
  return thrown instanceof HoldfastError && (code === undefined || thrown.code === code);
}
