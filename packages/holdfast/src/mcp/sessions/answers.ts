/** Answers about sessions. Each is the same bytes, whatever lies behind it. */
import { isHoldfastError } from "../../record/errors.ts";
import type { Reply } from "../exchange.ts";
import { errorReply, invalidRequest, replyToFailure, unavailable } from "../http/answers.ts";
import type { Full } from "./slots.ts";

/** Unknown, expired, ended, malformed or somebody else's. */
export function sessionNotFound(): Reply {
  return errorReply(404, -32001, "Session not found");
}

export function sessionIdMissing(): Reply {
  return errorReply(400, -32000, "Bad Request: Mcp-Session-Id header is required");
}

export function alreadyInitialized(): Reply {
  return invalidRequest("the session is initialized already");
}

export function unsupportedVersion(supported: readonly string[]): Reply {
  return errorReply(
    400,
    -32000,
    `Bad Request: Unsupported protocol version (supported versions: ${supported.join(", ")})`,
  );
}

export function batchNotAllowed(): Reply {
  return invalidRequest("this protocol version has no batches");
}

/** Unknown, forged, or of another stream, session or principal. */
export function unknownEvent(): Reply {
  return errorReply(400, -32000, "Bad Request: Last-Event-ID is unknown");
}

export function replayWindowExceeded(): Reply {
  return errorReply(400, -32000, "Bad Request: Last-Event-ID is older than what is kept", {
    data: { reason: "replay_window_exceeded" },
  });
}

/** A quota, of the principal or of the node: 429 for both, since a stream that finds no room is no outage. */
export function tooManyStreams(full: Full, id?: string | number): Reply {
  const where = full === "node" ? " at this node" : "";
  return errorReply(429, -32000, `Too many streams are open${where}`, { headers: { "retry-after": "5" }, id });
}

/** A principal presented too many ids of no session. */
export function tooManyMisses(retryAfterSeconds: number): Reply {
  return errorReply(429, -32000, "Too many unknown session ids", {
    headers: { "retry-after": String(retryAfterSeconds) },
  });
}

/** What was thrown while answering. A store in trouble is never a missing session (trap F13). */
export function failure(thrown: unknown): Reply {
  // Whatever was looked for here was a session.
  if (isHoldfastError(thrown, "NOT_FOUND")) return sessionNotFound();
  const inTrouble = isHoldfastError(thrown) && thrown.code.startsWith("STORE_") && thrown.code !== "STORE_FULL";
  return inTrouble ? unavailable(5) : replyToFailure(thrown);
}
