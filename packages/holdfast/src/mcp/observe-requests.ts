/** Every request a server instance handles, measured and traced. Nothing is wrapped where nobody looks. */

import { type McpServer, ProtocolError } from "@modelcontextprotocol/server";
import type { Attributes, Span } from "@opentelemetry/api";
import { context as contexts, SpanStatusCode } from "@opentelemetry/api";

import { errorType, type Telemetry } from "../telemetry/telemetry.ts";
import { withRemoteParent } from "../telemetry/trace-context.ts";
import { aroundHandlers, type Handler } from "./around-handlers.ts";
import { isObject } from "./is-object.ts";

/** Has to be called before anything is registered. `tools` are the names of tools that there are. */
export function observeRequests(server: McpServer, telemetry: Telemetry, tools: ReadonlySet<string>): void {
  if (telemetry.metrics === undefined && telemetry.tracer === undefined) return;
  aroundHandlers(server, (method, handler) => observed(method, handler, telemetry, tools));
}

function observed(method: string, handler: Handler, telemetry: Telemetry, tools: ReadonlySet<string>): Handler {
  return (...given) => {
    const request = given[0];
    const params = isObject(request) && isObject(request["params"]) ? request["params"] : {};
    const tool = method === "tools/call" ? toolOf(params["name"], tools) : undefined;
    const attributes: Attributes = {
      "mcp.method.name": method,
      ...(tool !== undefined && { "gen_ai.tool.name": tool }),
    };
    const parent = withRemoteParent(contexts.active(), metaOf(params, given.at(-1)));
    const name = tool === undefined ? method : `${method} ${tool}`;
    return telemetry.span(name, { kind: "server", attributes, parent }, async (span) => {
      const began = performance.now();
      let failed: string | undefined;
      try {
        const result: unknown = await handler(...given);
        failed = failureIn(result);
        if (failed !== undefined) noteFailure(telemetry, span, failed, tool);
        return result;
      } catch (error) {
        failed = error instanceof ProtocolError ? String(error.code) : errorType(error);
        throw error;
      } finally {
        const tookS = (performance.now() - began) / 1_000;
        const outcome = failed === undefined ? attributes : { ...attributes, "error.type": failed };
        telemetry.metrics?.record("mcp.server.operation.duration", tookS, outcome);
      }
    });
  };
}

/** Clients may name any tool; an attribute names only those there are. */
function toolOf(name: unknown, tools: ReadonlySet<string>): string {
  return typeof name === "string" && tools.has(name) ? name : "_OTHER";
}

/** The SDK lifts `_meta` out of the parameters of some requests and leaves it in those of others. */
function metaOf(params: Readonly<Record<string, unknown>>, ctx: unknown): unknown {
  if (params["_meta"] !== undefined) return params["_meta"];
  const request = isObject(ctx) ? ctx["mcpReq"] : undefined;
  return isObject(request) ? request["_meta"] : undefined;
}

/** How a tool's answer says that it failed: the code of our own form, or just that it did. */
function failureIn(result: unknown): string | undefined {
  if (!isObject(result) || result["isError"] !== true) return undefined;
  const { structuredContent } = result;
  const error = isObject(structuredContent) ? structuredContent["error"] : undefined;
  const code = isObject(error) ? error["code"] : undefined;
  return typeof code === "string" && codes.has(code) ? code : "tool_error";
}

const codes: ReadonlySet<string> = new Set([
  "not_found",
  "conflict",
  "quota_exceeded",
  "invalid_argument",
  "forbidden",
  "busy",
  "unavailable",
]);

function noteFailure({ metrics }: Telemetry, span: Span | undefined, code: string, tool: string | undefined): void {
  span?.setAttribute("error.type", code);
  span?.setStatus({ code: SpanStatusCode.ERROR });
  if (tool !== undefined) metrics?.record("holdfast.tool.errors", 1, { code, "gen_ai.tool.name": tool });
}
