/**
 * Puts holdfast around the tools of one server instance without the author noticing: failures become results in one
 * shape, calls are counted, and calls of a session are remembered as turns. Everything else stays the SDK's business.
 */
import { randomUUID } from "node:crypto";
import {
  type CallToolResult,
  type InputRequiredResult,
  isInputRequiredResult,
  type McpServer,
  type RegisteredTool,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { cut } from "../../record/text.ts";
import type { CallContext } from "../../state/call-context.ts";
import type { Release } from "../connections.ts";
import { handlesInArguments, isMiss } from "../missed-handles.ts";
import { type Parks, parkedResult } from "../parked.ts";
import { confirmedFirst, type StepUpWiring } from "../step-up/confirmed-first.ts";
import { resultOfCrowding, resultOfGuessing, resultOfIssues, resultOfProtocol, resultOfThrown } from "./errors.ts";
import { countingOnce, type RunOnce } from "./exactly-once.ts";
import { RefusedInput, type SchemaCache } from "./schemas.ts";
import { isSecret } from "./secret-content.ts";

export type ToolWrapping = {
  readonly schemas: SchemaCache;
  /** Filled with the names of the tools there are. */
  readonly tools?: Set<string> | undefined;
  /**
   * Called as a call begins, with the request that it came by where there is one; what it returns as it ends. Undefined
   * where there is no room for it.
   */
  readonly onCall: (request: Request | undefined) => Release | undefined;
  /** Where calls can wait in the store for what they ask of their client. */
  readonly parks?: Parks | undefined;
  /**
   * Runs the tool itself, so that what it does to records is known to be done by its call, with the scopes of the token
   * that came with it; on stdio there is none. Throws `FORBIDDEN` where they are not enough for the tool.
   */
  readonly within: <Result>(call: CallContext, fn: () => Result, scopes: readonly string[] | undefined) => Result;
  /** Called after each finished call. Absent where calls are not remembered. */
  readonly onTurn?: ((turn: FinishedCall) => void) | undefined;
  /** Carries out a call that counts once. */
  readonly once: RunOnce;
  /** How users confirm what tools require. Absent where nothing can be confirmed. */
  readonly stepUp?: StepUpWiring | undefined;
  /**
   * Counts handles that led nowhere, with the request that they came by where there is one. Seconds to wait where they are
   * too many; undefined otherwise.
   */
  readonly missed?: ((handles: readonly string[], request: Request | undefined) => number | undefined) | undefined;
  readonly onError: (error: unknown) => void;
};

export type FinishedCall = {
  /** Tells the call from all others. */
  readonly id: string;
  readonly tool: string;
  readonly input: unknown;
  readonly result: CallToolResult;
  /** Whether neither input nor result is to be kept. */
  readonly secret: boolean;
  /** Milliseconds since the epoch, by this process's clock. */
  readonly startedAt: number;
  readonly durationMs: number;
};

type ToolResult = CallToolResult | InputRequiredResult;
/** Tools with an input schema are called with the arguments and the context, others with the context alone. */
type Callback = (...given: readonly unknown[]) => ToolResult | Promise<ToolResult>;
type Config = { readonly inputSchema?: unknown; readonly outputSchema?: unknown };
type Register = (name: string, config: Config, callback: Callback) => RegisteredTool;
type Updates = { name?: string | null; paramsSchema?: unknown; outputSchema?: unknown; callback?: Callback };

/** Has to be called before the author registers anything. */
export function wrapTools(server: McpServer, wrapping: ToolWrapping): void {
  // The SDK's overloads tie the callback's type to the schema's; here both pass through unseen.
  const register: Register = Reflect.get(server, "registerTool").bind(server);
  const wrapped: Register = (name, config, given) => {
    const tool = { name, secret: isSecret(config) };
    wrapping.tools?.add(name);
    // Confirmed first: what a repeat is answered with may be as secret as what the call does.
    const guarded = (callback: Callback): Callback =>
      confirmedFirst(config, countingOnce(tool, config, callback, wrapping.once), wrapping.stepUp, (context) =>
        clientName(server, context),
      );
    const callback = guarded(given);
    const registered = register(
      name,
      preparedConfig(config, wrapping.schemas),
      wrapCallback({ server, tool, callback, wrapping }),
    );
    wrapUpdate(registered, server, tool, guarded, wrapping);
    return registered;
  };
  Object.defineProperty(server, "registerTool", { value: wrapped, configurable: true, writable: true });
}

function preparedConfig(config: Config, schemas: SchemaCache): Config {
  if (config.inputSchema === undefined && config.outputSchema === undefined) return config;
  return {
    ...config,
    ...(config.inputSchema === undefined ? {} : { inputSchema: schemas.input(config.inputSchema) }),
    ...(config.outputSchema === undefined ? {} : { outputSchema: schemas.output(config.outputSchema) }),
  };
}

/** An author may keep the registered tool and change it later: what comes in that way is wrapped as well. */
function wrapUpdate(
  registered: RegisteredTool,
  server: McpServer,
  tool: { name: string; readonly secret: boolean },
  guarded: (callback: Callback) => Callback,
  wrapping: ToolWrapping,
): void {
  // As above: the parts that are typed by the schema pass through unseen.
  const update = registered.update.bind(registered) as unknown as (updates: Updates) => void;
  const wrapped = (updates: Updates): void => {
    const { paramsSchema, outputSchema, callback } = updates;
    if (typeof updates.name === "string") {
      tool.name = updates.name;
      wrapping.tools?.add(updates.name);
    }
    update({
      ...updates,
      ...(paramsSchema === undefined ? {} : { paramsSchema: wrapping.schemas.input(paramsSchema) }),
      ...(outputSchema === undefined ? {} : { outputSchema: wrapping.schemas.output(outputSchema) }),
      ...(callback === undefined
        ? {}
        : { callback: wrapCallback({ server, tool, callback: guarded(callback), wrapping }) }),
    });
  };
  Object.defineProperty(registered, "update", { value: wrapped, configurable: true, writable: true, enumerable: true });
}

type Wrapped = {
  readonly server: McpServer;
  readonly tool: { readonly name: string; readonly secret: boolean };
  readonly callback: Callback;
  readonly wrapping: ToolWrapping;
};

function wrapCallback({ server, tool, callback, wrapping }: Wrapped): Callback {
  return async (...given) => {
    const release = wrapping.onCall(contextOf(given).http?.req);
    if (release === undefined) return resultOfCrowding();
    const id = randomUUID();
    const call: CallContext = { tool: tool.name, id, client: clientName(server, contextOf(given)) };
    const startedAt = Date.now();
    const started = performance.now();
    const remember = (result: CallToolResult): void => {
      const durationMs = performance.now() - started;
      const { name, secret } = tool;
      wrapping.onTurn?.({ id, tool: name, input: inputOf(given), result, secret, startedAt, durationMs });
    };
    try {
      const scopes = contextOf(given).http?.authInfo?.scopes;
      const result = await settle(given, callback, wrapping, (fn) => wrapping.within(call, fn, scopes)).catch(
        (error: unknown) => {
          // The SDK answers it in its own way, with the same words.
          remember(resultOfProtocol(error));
          throw error;
        },
      );
      // A question to the user is not the end of the call; the round that completes it is.
      if (!isInputRequiredResult(result)) remember(result);
      return isInputRequiredResult(result) && (await wrapping.parks?.()) === true ? parkedResult(result) : result;
    } finally {
      release();
    }
  };
}

async function settle(
  given: readonly unknown[],
  callback: Callback,
  wrapping: ToolWrapping,
  within: <Result>(fn: () => Result) => Result,
): Promise<ToolResult> {
  const [input] = given;
  const report = (error: unknown): void => {
    // Whoever cancelled the call gets no answer, so its failure is nobody's news.
    if (!isCancelled(given)) wrapping.onError(error);
  };
  try {
    if (!(input instanceof RefusedInput)) return await within(() => callback(...given));
    if ("issues" in input.cause) return resultOfIssues(input.cause.issues);
    throw input.cause.thrown;
  } catch (thrown) {
    const waitSeconds = isMiss(thrown)
      ? wrapping.missed?.(handlesInArguments(inputOf(given)), contextOf(given).http?.req)
      : undefined;
    if (waitSeconds !== undefined) return resultOfGuessing(waitSeconds);
    const result = resultOfThrown(thrown, report);
    if (result === undefined) throw thrown;
    return result;
  }
}

function inputOf(given: readonly unknown[]): unknown {
  const [input] = given;
  if (given.length < 2) return {};
  return input instanceof RefusedInput ? input.input : input;
}

function isCancelled(given: readonly unknown[]): boolean {
  return contextOf(given).mcpReq.signal.aborted;
}

function contextOf(given: readonly unknown[]): ServerContext {
  // The context is always the last thing the SDK passes.
  return given.at(-1) as ServerContext;
}

/** What the client calls itself: in each request of the 2026-07-28 era, and at the beginning of a connection before. */
function clientName({ server }: McpServer, { mcpReq }: ServerContext): string | undefined {
  // The SDK's type of the envelope names only what the server needs; it has been checked to be there.
  const envelope = (mcpReq.envelope ?? {}) as { readonly [clientInfo]?: { readonly name?: unknown } };
  // oxlint-disable-next-line typescript/no-deprecated -- the only place where a 2025-era client's name is found
  const { name } = envelope[clientInfo] ?? server.getClientVersion() ?? {};
  // Clients may call themselves anything; a log keeps what is a name.
  return typeof name === "string" && name !== "" ? cut(name, maxClientName) : undefined;
}

const clientInfo = "io.modelcontextprotocol/clientInfo";
const maxClientName = 128;
