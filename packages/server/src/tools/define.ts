/** The shape of a tool: adding one means a file that defines it and a line in `registry.ts`. */
import {
  type ClientCapabilities,
  type InputRequiredResult,
  isInputRequiredResult,
  type McpServer,
  type StandardSchemaWithJSON,
  type ToolAnnotations,
} from "@modelcontextprotocol/server";
import { HoldfastError, reply, type ServeContext, type Session } from "holdfast";
import type { Kinds } from "../kinds.ts";
import type { ServingNode } from "../node.ts";
import { announceChange } from "../resources/changes.ts";

/** Who is calling, on what kind of connection, and the process that answers. */
export type Caller = ServeContext<Kinds> & {
  readonly node: ServingNode;
  readonly signal: AbortSignal;
  /** What the user has answered, where the tool has asked before. */
  readonly answers: Readonly<Record<string, unknown>> | undefined;
  /** Whether the client can put a question to its user. */
  canAskUser(): boolean;
};

export type Structured = Readonly<Record<string, unknown>>;

/** What clients are told of a tool. Made once per process: converting a schema costs more than most calls. */
export type ToolConfig = {
  readonly title: string;
  readonly description: string;
  readonly inputSchema: StandardSchemaWithJSON;
  readonly annotations: ToolAnnotations;
};

export type Tool = {
  readonly name: string;
  readonly config: ToolConfig;
  readonly run: (args: unknown, caller: Caller) => Promise<Structured | InputRequiredResult>;
};

type Definition<Schema extends StandardSchemaWithJSON> = Omit<ToolConfig, "inputSchema"> & {
  readonly name: string;
  readonly inputSchema: Schema;
  readonly run: (
    args: StandardSchemaWithJSON.InferOutput<Schema>,
    caller: Caller,
  ) => Promise<Structured | InputRequiredResult>;
};

/** Ties a tool's arguments to its schema. */
export function tool<Schema extends StandardSchemaWithJSON>(definition: Definition<Schema>): Tool {
  const { name, run, ...config } = definition;
  // The server hands a tool only what its own schema let through.
  return { name, config, run: (args, caller) => run(args, caller) };
}

/** Registers tools for one caller. What they throw becomes an error result further out. */
export function registerTools(
  server: McpServer,
  tools: readonly Tool[],
  context: ServeContext<Kinds>,
  node: ServingNode,
): void {
  // oxlint-disable-next-line typescript/no-deprecated -- the one place that knows them in both eras
  const canAskUser = (): boolean => hasForms(server.server.getClientCapabilities());
  for (const { name, run, config } of tools) {
    server.registerTool(name, config, async (args, { mcpReq: { signal, inputResponses } }) => {
      const result = await run(args, { ...context, node, signal, answers: inputResponses, canAskUser });
      if (isInputRequiredResult(result)) return result;
      if (config.annotations.readOnlyHint !== true) announceChange(name, result, context);
      return reply(result);
    });
  }
}

/** An empty object is how clients said it before there were other ways of asking. */
function hasForms(capabilities: ClientCapabilities | undefined): boolean {
  const elicitation = capabilities?.elicitation;
  return elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined);
}

/** The session a call is about: the one it names, or its connection's own. */
export function sessionOf(args: { readonly session_id?: string | undefined }, caller: Caller): Session {
  if (args.session_id !== undefined) return caller.sessions.open(args.session_id);
  if (caller.session !== undefined) return caller.session;
  throw new HoldfastError(
    "INVALID_ARGUMENT",
    "session_id is needed here, because this connection has no session of its own. " +
      "Call create_session once and pass the session_id it returns.",
  );
}

/** Throws `FORBIDDEN` unless the caller may see what concerns the whole node. */
export function mustBeAdmin(caller: Caller, what: string): void {
  if (isAdmin(caller)) return;
  throw new HoldfastError("FORBIDDEN", `${what} needs the scope "admin". Ask the operator for a token that has it.`);
}

export function isAdmin({ principal }: Pick<Caller, "principal">): boolean {
  return principal.scopes.includes("admin");
}
