import { specTypeSchemas } from "@modelcontextprotocol/server";

import { isObject } from "../../is-object.ts";
import type { Question } from "../calls/call-record.ts";
import type { RpcResponse } from "../messages.ts";

/** What the client answered, or why it is no answer. */
export type Checked = { readonly answer: unknown } | { readonly reason: string };

const schemas = {
  "elicitation/create": specTypeSchemas.ElicitResult,
  "sampling/createMessage": specTypeSchemas.CreateMessageResultWithTools,
  "roots/list": specTypeSchemas.ListRootsResult,
} as const;

/** Looks at an answer as the SDK would, had it asked: handlers may rely on its shape. */
export function checkAnswer({ method }: Question, response: RpcResponse): Checked {
  if ("error" in response) return { reason: response.error.message };
  const checked = schemas[method]["~standard"].validate(response.result);
  if (checked.issues === undefined && isObject(checked.value)) return { answer: checked.value };
  const issues = (checked.issues ?? []).slice(0, 3).map(({ message }) => message);
  return { reason: `Invalid result for ${method}: ${issues.join("; ")}` };
}
