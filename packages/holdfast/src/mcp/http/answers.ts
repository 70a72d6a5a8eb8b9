/**
 * The exact answers to requests that are refused before any server sees them. One place, so that the same situation is
 * answered alike in every era, byte for byte.
 */
import { isHoldfastError } from "../../record/errors.ts";
import type { Reply } from "../exchange.ts";
import type { Crowded } from "./in-flight.ts";

export type JsonRpcError = {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
};

export type AnswerInit = {
  readonly headers?: Readonly<Record<string, string>>;
  readonly data?: unknown;
  /** The id of the refused request, where a single one could be read. Default: null. */
  readonly id?: string | number | null | undefined;
};

/** A JSON-RPC error as a whole HTTP answer. */
export function errorReply(status: number, code: number, message: string, init: AnswerInit = {}): Reply {
  const error: JsonRpcError = init.data === undefined ? { code, message } : { code, message, data: init.data };
  return {
    status,
    headers: { "content-type": "application/json", ...init.headers },
    body: JSON.stringify({ jsonrpc: "2.0", error, id: init.id ?? null }),
  };
}

export function methodNotAllowed(allow: string): Reply {
  return errorReply(405, -32000, "Method not allowed.", { headers: { allow } });
}

export function forbidden(message: string): Reply {
  return errorReply(403, -32000, message);
}

/** Ends the connection too: what is left of the body would otherwise have to be read. */
export function bodyTooLarge(maxBytes: number): Reply {
  return errorReply(413, -32000, `Payload Too Large: a request body has at most ${maxBytes} bytes`, {
    headers: { connection: "close" },
  });
}

export function unsupportedMediaType(message: string): Reply {
  return errorReply(415, -32000, `Unsupported Media Type: ${message}`);
}

export function notAcceptable(types: string): Reply {
  return errorReply(406, -32000, `Not Acceptable: the client must accept ${types}`);
}

export function parseError(): Reply {
  return errorReply(400, -32700, "Parse error: the request body is not valid JSON");
}

export function invalidRequest(message: string): Reply {
  return errorReply(400, -32600, `Invalid Request: ${message}`);
}

/** More calls than somebody may make in a minute. */
export function tooManyCalls(whose: string, waitMs: number): Reply {
  return errorReply(429, -32000, `Too Many Requests: ${whose} has made all the calls of its minute`, {
    headers: { "retry-after": String(Math.max(1, Math.ceil(waitMs / 1_000))) },
  });
}

/** Too much at a time, of the principal or of the node. What is left of a body is not worth waiting for. */
export function tooMuchAtOnce(crowded: Crowded): Reply {
  const left = crowded.endsWith("_bodies") ? { connection: "close" } : {};
  if (crowded.startsWith("node_")) {
    const busy = unavailable();
    return { ...busy, headers: { ...busy.headers, ...left } };
  }
  return errorReply(429, -32000, "Too Many Requests: this principal has too much under way at this node", {
    headers: { "retry-after": "1", ...left },
  });
}

/** What a client may repeat as it is, after a moment. Never a 404: clients throw their session away on one. */
export function unavailable(retryAfterSeconds = 1): Reply {
  return errorReply(503, -32603, "Service unavailable", { headers: { "retry-after": String(retryAfterSeconds) } });
}

function internalError(id?: string | number | null): Reply {
  return errorReply(500, -32603, "Internal error", { id });
}

/** The answer to something thrown outside of any tool. Says nothing of the cause. */
export function replyToFailure(thrown: unknown): Reply {
  if (!isHoldfastError(thrown)) return internalError();
  switch (thrown.code) {
    case "UNAVAILABLE":
    case "OUTCOME_UNKNOWN":
    case "CONTENTION":
    case "CLOSED":
    case "ABORTED":
    case "SEAL_KEY_MISSING":
      return unavailable();
    case "STORE_FULL":
      return errorReply(507, -32603, "Insufficient storage");
    case "QUOTA_EXCEEDED":
      return errorReply(429, -32603, "Quota exceeded", { headers: { "retry-after": "60" } });
    default:
      return internalError();
  }
}
