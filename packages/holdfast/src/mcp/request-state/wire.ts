/**
 * The state of `input_required`, sealed on its way out and opened on its way back, around the handlers of the SDK: there
 * the request is seen as it came, nothing of the author's has run, and both eras pass.
 */
import {
  type InputRequiredResult,
  isInputRequiredResult,
  type McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { isHoldfastError } from "../../record/errors.ts";
import type { Principal } from "../../security/principal.ts";
import {
  invalidState,
  invalidStateText,
  isInvalidState,
  keyIdOf,
  OpenState,
  openState,
  sealState,
} from "../../security/request-state.ts";
import { aroundHandlers, type Handler } from "../around-handlers.ts";
import { isObject } from "../is-object.ts";
import { neededBy, parkedResult } from "../parked.ts";
import { resultOfThrown } from "../tools/errors.ts";
import type { RunOnce } from "../tools/exactly-once.ts";
import { protocolErrorOf } from "../wrap-reads.ts";
import type { KeyRing } from "./key-ring.ts";
import { roundMark } from "./round.ts";
import { type PlainState, plainState } from "./with-state.ts";

export type StateSealing = {
  readonly keys: KeyRing;
  readonly ttlMs: number;
  /** Where a state itself does not say. */
  readonly singleUse: boolean;
};

const callName = "holdfast.request-state";
type StatefulHandler = (request: { readonly params?: unknown }, context: ServerContext) => unknown;
const methods: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"]);

/** Nobody knows whether the state is good: its key could not be read. */
class Unread {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/**
 * The SDK's hook: opens a state before anything else happens. What is left to ask is asked where the request is seen.
 * Whatever is thrown here the SDK calls an invalid state, which a store that is down is not.
 */
export function verifier({ keys }: StateSealing): (state: string) => Promise<OpenState | Unread> {
  return async (state) => {
    const id = keyIdOf(state);
    try {
      const key = id === undefined ? undefined : await keys.find(id);
      if (key !== undefined) return openState(() => key, state);
    } catch (error) {
      if (!isInvalidState(error)) return new Unread(error);
    }
    throw invalidState();
  };
}

export type StateCaller = {
  readonly principal: Principal;
  readonly once: RunOnce;
  readonly onError: (error: unknown) => void;
};

/** Has to be called before anything is registered on the server. */
export function wireRequestState(
  server: McpServer,
  sealing: StateSealing,
  { principal, once, onError }: StateCaller,
): void {
  aroundHandlers(server, (method, handler, takes) => {
    // A state is bound to the request as it came.
    if (takes !== "request" || !methods.has(method)) return handler;
    // The SDK calls handlers of these methods so.
    const inner = handler as StatefulHandler;
    const withState: StatefulHandler = async (request, context) => {
      const binding = { principal, method, params: ownParams(request.params) };
      const opened: unknown = context.mcpReq.requestState();
      if (opened instanceof Unread) return failed(method, opened.error, onError);
      if (opened !== undefined && !(opened instanceof OpenState && opened.isFor(binding))) throw refused();
      const own = opened instanceof OpenState ? withOpened(context, opened) : context;
      const seal = async ({ value, singleUse = sealing.singleUse, round }: PlainState): Promise<string> =>
        sealState(await sealing.keys.newest(), value, binding, { ttlMs: sealing.ttlMs, singleUse, round });
      const run = async (): Promise<unknown> => await sealed(await inner(request, own), seal);
      try {
        if (!(opened instanceof OpenState && opened.singleUse)) return await run();
        return await once({ name: callName, key: opened.id, signal: context.mcpReq.signal }, { run, isFinal });
      } catch (error) {
        return failed(method, error, onError);
      }
    };
    return withState as Handler;
  });
}

/** What the client is told of a failure of ours; those of the protocol are passed on. */
function failed(method: string, error: unknown, onError: (error: unknown) => void): unknown {
  const result = method === "tools/call" && isHoldfastError(error) ? resultOfThrown(error, onError) : undefined;
  if (result !== undefined) return result;
  throw protocolErrorOf(error, undefined, onError);
}

/** A result with its state sealed, if it is one that has state. */
async function sealed(result: unknown, sealIt: (plain: PlainState) => Promise<string>): Promise<unknown> {
  const parked = neededBy({ result });
  const needed = parked ?? (isNeed(result) ? result : undefined);
  const plain = needed && plainState(needed);
  if (needed === undefined || plain === undefined) return result;
  const ready: InputRequiredResult = { ...needed, requestState: await sealIt(plain) };
  return parked === undefined ? ready : parkedResult(ready);
}

function isNeed(result: unknown): result is InputRequiredResult {
  return isObject(result) && isInputRequiredResult(result);
}

/** Failures are not kept: who repeats an honest try may try again. */
function isFinal(result: unknown): boolean {
  return neededBy({ result }) !== undefined || !(isObject(result) && result["isError"] === true);
}

/** What the client sends anew with each round belongs to no binding. */
function ownParams(params: unknown): unknown {
  if (!isObject(params)) return {};
  const { name, arguments: args, uri } = params;
  return { name, arguments: args, uri };
}

function withOpened(context: ServerContext, { value, round }: OpenState): ServerContext {
  // The type of what comes out is the caller's claim, as it is in the SDK.
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the SDK's accessor has it
  const requestState = (<T>() => value as T) satisfies ServerContext["mcpReq"]["requestState"];
  return { ...context, mcpReq: { ...context.mcpReq, requestState, ...roundMark(round) } };
}

function refused(): ProtocolError {
  return new ProtocolError(ProtocolErrorCode.InvalidParams, invalidStateText, { reason: "invalid_request_state" });
}
