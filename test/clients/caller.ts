/** What every client under test looks like to a flow, whatever library and protocol revision is behind it. */
export interface Caller extends AsyncDisposable {
  readonly name: string;
  /** The wire session of a 2025-era HTTP connection; undefined where there is none. */
  readonly wireSession: string | undefined;
  /** The protocol revision agreed on. */
  readonly revision: string | undefined;
  tools(): Promise<readonly string[]>;
  /** Rejects on protocol and transport errors; a tool's own error is an answer. */
  call(tool: string, args?: Arguments): Promise<Answer>;
  /** Ends the wire session at the server, where there is one, and closes the connection. */
  end(): Promise<void>;
}

export type Arguments = Readonly<Record<string, unknown>>;

export type Fault = { readonly code: string; readonly message: string; readonly retryable: boolean };

export type Answer =
  | { readonly ok: true; readonly value: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly fault: Fault };

/** Parses a tool's result, and insists that structured content and text say the same. */
export function answerOf(result: unknown): Answer {
  if (!isObject(result)) throw new Error(`not a tool result: ${JSON.stringify(result)}`);
  const { structuredContent, isError } = result;
  if (isError === true) {
    const error = isObject(structuredContent) ? structuredContent["error"] : undefined;
    if (!isFault(error)) throw new Error(`a tool error without code, message and retryable: ${JSON.stringify(result)}`);
    return { ok: false, fault: error };
  }
  if (!isObject(structuredContent)) throw new Error(`a result without structured content: ${JSON.stringify(result)}`);
  const text = firstText(result["content"]);
  if (text === undefined || JSON.stringify(JSON.parse(text)) !== JSON.stringify(structuredContent)) {
    throw new Error(`text and structured content differ: ${JSON.stringify(result)}`);
  }
  return { ok: true, value: structuredContent };
}

/** The value of an answer that has to be one. */
export async function valueOf(answer: Promise<Answer>): Promise<Readonly<Record<string, unknown>>> {
  const settled = await answer;
  if (!settled.ok) throw new Error(`the tool failed: ${settled.fault.code}: ${settled.fault.message}`);
  return settled.value;
}

/** The error of an answer that has to be one. */
export async function faultOf(answer: Promise<Answer>): Promise<Fault> {
  const settled = await answer;
  if (settled.ok) throw new Error(`the tool succeeded: ${JSON.stringify(settled.value)}`);
  return settled.fault;
}

/** A text field of a result. */
export function textOf(value: Readonly<Record<string, unknown>>, field: string): string {
  const text = value[field];
  if (typeof text !== "string") throw new Error(`"${field}" is not a text in ${JSON.stringify(value)}`);
  return text;
}

function firstText(content: unknown): string | undefined {
  if (!Array.isArray(content)) return undefined;
  const first: unknown = content[0];
  return isObject(first) && typeof first["text"] === "string" ? first["text"] : undefined;
}

function isFault(value: unknown): value is Fault {
  return (
    isObject(value) &&
    typeof value["code"] === "string" &&
    typeof value["message"] === "string" &&
    typeof value["retryable"] === "boolean"
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
