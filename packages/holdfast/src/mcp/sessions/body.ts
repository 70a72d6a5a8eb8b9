import { type IncomingMessage, readMessage } from "./messages.ts";

/** The messages of a POST. Undefined if one of them is no JSON-RPC message, or there is none. */
export function readBody(
  body: unknown,
): { readonly messages: readonly IncomingMessage[]; readonly batch: boolean } | undefined {
  const batch = Array.isArray(body);
  const values: readonly unknown[] = batch ? body : [body];
  const messages = values.flatMap((value) => readMessage(value) ?? []);
  return messages.length === values.length && messages.length > 0 ? { messages, batch } : undefined;
}
