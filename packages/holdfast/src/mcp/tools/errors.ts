/** What a tool answers when it fails: one shape for every failure, written for the model that has to go on. */
import { type CallToolResult, ProtocolError, SdkError, type StandardSchemaV1 } from "@modelcontextprotocol/server";
import { type ErrorCode, type HoldfastError, isHoldfastError } from "../../record/errors.ts";
import { cut } from "../../record/text.ts";

/** The codes a client can meet in `structuredContent.error.code`. */
export type ToolErrorCode =
  | "not_found"
  | "conflict"
  | "quota_exceeded"
  | "invalid_argument"
  | "forbidden"
  | "busy"
  | "unavailable";

type Rule = {
  readonly code: ToolErrorCode;
  /** Said instead of the error's own message, where that one is for operators: it may name hosts, files or settings. */
  readonly say?: string;
};

const faulty =
  "The server could not carry this out because of a fault of its own. Repeating the call will not help; tell the user.";
const unreachable = "The server's store cannot be reached at the moment. Repeat the call shortly.";

const rules: Readonly<Record<ErrorCode, Rule>> = {
  ABORTED: { code: "unavailable", say: "The call was given up before it was done. Repeat it if it is still wanted." },
  CLOSED: { code: "unavailable", say: "The server is shutting down. Repeat the call shortly." },
  COMMIT_ID_REUSED: { code: "conflict" },
  CONFIGURATION: { code: "unavailable", say: faulty },
  CONFLICT: { code: "conflict" },
  CONTENTION: { code: "busy" },
  FENCED: { code: "conflict" },
  FORBIDDEN: { code: "forbidden" },
  INVALID_ARGUMENT: { code: "invalid_argument" },
  NOT_FOUND: { code: "not_found" },
  OUTCOME_UNKNOWN: {
    code: "unavailable",
    say: "The connection to the store broke while the change was under way, so it may or may not have happened. Look before repeating it, or repeat it with the same idempotency key.",
  },
  OUT_OF_BOUNDS: { code: "invalid_argument" },
  QUOTA_EXCEEDED: { code: "quota_exceeded" },
  REPLAY_WINDOW_EXCEEDED: { code: "invalid_argument" },
  SCHEMA_MISMATCH: { code: "unavailable", say: faulty },
  SEAL_BROKEN: { code: "unavailable", say: faulty },
  SEAL_KEY_MISSING: { code: "unavailable", say: faulty },
  STORE_CORRUPT: { code: "unavailable", say: faulty },
  STORE_FULL: {
    code: "unavailable",
    say: "The server's store is full. Reading still works; tell the user.",
  },
  STORE_UNSAFE: { code: "unavailable", say: faulty },
  UNAVAILABLE: { code: "unavailable", say: unreachable },
};

export type ErrorResult = CallToolResult & {
  readonly structuredContent: {
    readonly error: { readonly code: ToolErrorCode; readonly message: string; readonly retryable: boolean };
  };
};

/** A failed call as a tool result. */
function errorResult(code: ToolErrorCode, message: string, retryable: boolean): ErrorResult {
  return {
    content: [{ type: "text", text: message }],
    structuredContent: { error: { code, message, retryable } },
    isError: true,
  };
}

/**
 * The result for something a tool threw. Undefined for errors of the protocol itself, which the SDK answers in its own
 * way. `report` hears of everything whose cause the result conceals.
 */
export function resultOfThrown(thrown: unknown, report: (error: unknown) => void): CallToolResult | undefined {
  if (isHoldfastError(thrown)) return resultOfError(thrown, report);
  if (thrown instanceof ProtocolError || thrown instanceof SdkError) return undefined;
  report(thrown);
  return errorResult(
    "unavailable",
    "The tool failed unexpectedly. The cause was logged on the server; tell the user.",
    false,
  );
}

/** What is remembered of an error of the protocol: its message is for the client anyway. */
export function resultOfProtocol(thrown: unknown): CallToolResult {
  const text = thrown instanceof Error ? thrown.message : "The call failed.";
  return { content: [{ type: "text", text }], isError: true };
}

/** The result for one handle too many that led nowhere. */
export function resultOfGuessing(waitSeconds: number): ErrorResult {
  const say = `Too many handles that lead nowhere were tried. Check the handle, and wait ${waitSeconds} seconds.`;
  return errorResult("busy", say, true);
}

/** The result for a call while there is no room for one more. */
export function resultOfCrowding(): ErrorResult {
  return errorResult("busy", "Too many calls are under way. Let some of them end, then repeat this one.", true);
}

/** The result for an error of ours. `report` hears of it where the result says less than the error. */
export function resultOfError(error: HoldfastError, report: (error: unknown) => void): ErrorResult {
  const { code, say } = rules[error.code];
  if (say !== undefined) report(error);
  return errorResult(code, say ?? error.message, error.retryable);
}

/** Issues may quote the input, which may be large: a refusal must not be larger than what it refuses. */
const maxIssues = 10;
const maxIssueCharacters = 300;

/** The result for input that does not fit the tool's schema: the first ten issues with their paths, in short. */
export function resultOfIssues(issues: readonly StandardSchemaV1.Issue[]): CallToolResult {
  const named = issues.slice(0, maxIssues).map((issue) => {
    const path = (issue.path ?? []).map((step) => String(typeof step === "object" ? step.key : step)).join(".");
    const text = path === "" ? issue.message : `${path}: ${issue.message}`;
    return text.length > maxIssueCharacters ? `${cut(text, maxIssueCharacters)}…` : text;
  });
  const more = issues.length > named.length ? ` (and ${issues.length - named.length} more)` : "";
  return errorResult(
    "invalid_argument",
    `The arguments do not fit the tool: ${named.join("; ")}${more}. Correct them and call again.`,
    false,
  );
}
