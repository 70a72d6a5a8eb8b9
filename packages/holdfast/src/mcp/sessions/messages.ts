/**
 * JSON-RPC messages as they arrive: checked for shape once, trusted afterwards. The SDK drops what its own guards refuse
 * without an answer, so whatever passes here has to pass there, or a client waits for ever.
 */
import {
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCErrorResponse,
  type JSONRPCMessage,
  type JSONRPCNotification,
  type JSONRPCRequest,
  type JSONRPCResultResponse,
} from "@modelcontextprotocol/server";

export type RpcId = string | number;
export type RpcResponse = JSONRPCResultResponse | JSONRPCErrorResponse;

export type IncomingMessage =
  | { readonly type: "request"; readonly message: JSONRPCRequest }
  | { readonly type: "notification"; readonly message: JSONRPCNotification }
  | { readonly type: "response"; readonly message: RpcResponse };

/** Undefined if it is no JSON-RPC 2.0 message of the shape MCP allows. */
export function readMessage(value: unknown): IncomingMessage | undefined {
  if (isJSONRPCRequest(value)) return { type: "request", message: value };
  if (isJSONRPCNotification(value)) return { type: "notification", message: value };
  if (isJSONRPCResultResponse(value)) return { type: "response", message: value };
  // Errors without an id belong to no request of ours.
  if (isJSONRPCErrorResponse(value) && isRpcId(value.id)) return { type: "response", message: value };
  return undefined;
}

export function isResponse(message: JSONRPCMessage): message is RpcResponse {
  return "result" in message || "error" in message;
}

export function isRequest(message: JSONRPCMessage): message is JSONRPCRequest {
  return "method" in message && "id" in message;
}

export function errorResponse(id: RpcId, code: number, message: string): JSONRPCErrorResponse {
  return { jsonrpc: "2.0", id, error: { code, message } };
}

export function isRpcId(value: unknown): value is RpcId {
  return typeof value === "string" || Number.isSafeInteger(value);
}
