/**
 * Named moments at which a test may kill or stop the process, to prove that what survives is what was promised. Nobody
 * else looks at them: without a hook they cost one comparison.
 */
export type FailurePoint =
  /** The last answer of a call is about to be logged. */
  | "before-result"
  /** The last answer of a call is in the log, and on no socket. */
  | "after-result"
  /** A message of a call is in the log, and on no socket. */
  | "mid-stream"
  /** A question is in the log and its call waits, and it is on no socket. */
  | "after-question"
  /** All questions of a call are answered, and it is this node's to go on with. */
  | "after-answers";

/** What a test does there. Whatever waits for it waits. */
export type FailurePoints = (point: FailurePoint) => void | Promise<void>;

/** Under this name options may carry a hook: a symbol, so that no configuration reaches it by accident. */
export const failurePoints: unique symbol = Symbol.for("holdfast.failurePoints");
