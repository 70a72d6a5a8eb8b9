/** Resources and prompts of one server instance: what they throw is answered without telling what lies behind it. */
import {
  isInputRequiredResult,
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  SdkError,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { isHoldfastError } from "../record/errors.ts";
import { handlesInAddress, isMiss } from "./missed-handles.ts";
import { type Parks, parkedResult } from "./parked.ts";
import { resultOfError, resultOfGuessing } from "./tools/errors.ts";
import type { ToolWrapping } from "./tools/wrap.ts";

type Callback = (...given: readonly unknown[]) => unknown;
type Register = (...given: readonly unknown[]) => unknown;
type Updates = { readonly callback?: Callback };

export type ReadWrapping = {
  readonly onError: (error: unknown) => void;
  /** Where they can wait in the store for what they ask of their client. */
  readonly parks?: Parks | undefined;
  /** Counts handles that led nowhere, as those in tools are. */
  readonly missed?: ToolWrapping["missed"];
};

/** Has to be called before the author registers anything. */
export function wrapReads(server: McpServer, wrapping: ReadWrapping): void {
  for (const method of ["registerResource", "registerPrompt"] as const) {
    // Both take the callback last, and return what can be updated; the SDK's overloads say more than is needed here.
    const register = server[method].bind(server) as unknown as Register;
    const wrapped: Register = (...given) => {
      const registered = register(...given.slice(0, -1), guarded(given.at(-1) as Callback, wrapping)) as {
        update(updates: Updates): void;
      };
      const update = registered.update.bind(registered);
      registered.update = (updates) =>
        update(
          updates.callback === undefined ? updates : { ...updates, callback: guarded(updates.callback, wrapping) },
        );
      return registered;
    };
    Object.defineProperty(server, method, { value: wrapped, configurable: true, writable: true });
  }
}

function guarded(callback: Callback, { onError, parks, missed }: ReadWrapping): Callback {
  return async (...given) => {
    try {
      const result = await callback(...given);
      return isInputRequiredResult(result) && (await parks?.()) === true ? parkedResult(result) : result;
    } catch (thrown) {
      const waitSeconds = isMiss(thrown) ? missed?.(handlesInAddress(given[0]), requestOf(given)) : undefined;
      if (waitSeconds !== undefined) throw guessing(waitSeconds);
      throw protocolErrorOf(thrown, given[0], onError);
    }
  };
}

function requestOf(given: readonly unknown[]): Request | undefined {
  // The context is always the last thing the SDK passes.
  return (given.at(-1) as ServerContext).http?.req;
}

function guessing(waitSeconds: number): ProtocolError {
  const { code, message, retryable } = resultOfGuessing(waitSeconds).structuredContent.error;
  return new ProtocolError(ProtocolErrorCode.InternalError, message, { code, retryable });
}

/** The error of the protocol for something a resource or prompt threw; those of the protocol itself stay as they are. */
export function protocolErrorOf(thrown: unknown, target: unknown, report: (error: unknown) => void): unknown {
  if (thrown instanceof ProtocolError || thrown instanceof SdkError) return thrown;
  if (!isHoldfastError(thrown)) {
    report(thrown);
    return new ProtocolError(ProtocolErrorCode.InternalError, "Internal error");
  }
  if (thrown.code === "NOT_FOUND" && target instanceof URL) return new ResourceNotFoundError(target.href);
  const { code, message, retryable } = resultOfError(thrown, report).structuredContent.error;
  const fault =
    code === "unavailable" || code === "busy" ? ProtocolErrorCode.InternalError : ProtocolErrorCode.InvalidParams;
  return new ProtocolError(fault, message, { code, retryable });
}
