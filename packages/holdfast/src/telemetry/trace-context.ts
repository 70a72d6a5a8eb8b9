/** W3C trace context as MCP carries it: `traceparent` and `tracestate` in a request's `_meta`. */
import { type Context, createTraceState, type SpanContext, trace } from "@opentelemetry/api";

const traceparent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const maxTraceState = 512;

/** The context with the caller's span as parent; as it was where `_meta` names none, or one that cannot be. */
export function withRemoteParent(context: Context, meta: unknown): Context {
  if (typeof meta !== "object" || meta === null) return context;
  const parent = spanContextOf(Reflect.get(meta, "traceparent"), Reflect.get(meta, "tracestate"));
  return parent === undefined ? context : trace.setSpanContext(context, parent);
}

function spanContextOf(parent: unknown, state: unknown): SpanContext | undefined {
  const [, version, traceId, spanId, flags, rest] = (typeof parent === "string" && traceparent.exec(parent)) || [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  // A later version may say more at its end; this one must not.
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  const traceFlags = Number.parseInt(flags, 16) & 1;
  const traceState = typeof state === "string" && state !== "" && state.length <= maxTraceState;
  return { traceId, spanId, traceFlags, isRemote: true, ...(traceState && { traceState: createTraceState(state) }) };
}
