/** JSON-RPC messages as they arrive: checked for shape once, trusted afterwards. */
import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResultResponse,
} from "@modelcontextprotocol/server";

export type RpcId = string | number;
export type RpcResponse = JSONRPCResultResponse | JSONRPCErrorResponse;

export type IncomingMessage =
  | { readonly type: "request"; readonly message: JSONRPCRequest }
  | { readonly type: "notification"; readonly message: JSONRPCNotification }
  | { readonly type: "response"; readonly message: RpcResponse };

/** Undefined if it is no JSON-RPC 2.0 message. */
export function readMessage(value: unknown): IncomingMessage | undefined {
  if (!isObject(value) || value["jsonrpc"] !== "2.0") return undefined;
  // The casts below restate what the checks beside them have established.
  if (typeof value["method"] === "string") {
    if (value["params"] !== undefined && !isObject(value["params"])) return undefined;
    if (!("id" in value)) return { type: "notification", message: value as JSONRPCNotification };
    return isRpcId(value["id"]) ? { type: "request", message: value as JSONRPCRequest } : undefined;
  }
  if (isObject(value["result"]) && isRpcId(value["id"]) && value["error"] === undefined) {
    return { type: "response", message: value as JSONRPCResultResponse };
  }
  const { error } = value;
  const isError = isObject(error) && Number.isSafeInteger(error["code"]) && typeof error["message"] === "string";
  return isError && value["result"] === undefined && isRpcId(value["id"])
    ? { type: "response", message: value as JSONRPCErrorResponse }
    : undefined;
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

function isRpcId(value: unknown): value is RpcId {
  return typeof value === "string" || Number.isSafeInteger(value);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
