/**
 * What one hold tells the outside of itself: metrics and spans by the OpenTelemetry API, changes of state to a listener.
 * Where no SDK is registered there are neither instruments nor spans, and nothing is paid for them.
 */
import {
  type Attributes,
  type Context,
  context as contexts,
  createNoopMeter,
  isSpanContextValid,
  type MeterProvider,
  metrics,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";

import { isHoldfastError } from "../record/errors.ts";
import { Metrics } from "./metrics.ts";
import type { StateChange } from "./state-change.ts";

/** Where metrics and traces go: `holdfast({ telemetry })`. */
export type TelemetryOptions = {
  /** Default: the one registered with the OpenTelemetry API when the hold is opened. */
  readonly meterProvider?: MeterProvider;
  /** Default: the one registered with the OpenTelemetry API when the hold is opened. */
  readonly tracerProvider?: TracerProvider;
};

export type TelemetryInit = {
  readonly options: TelemetryOptions | false | undefined;
  readonly onStateChange: ((change: StateChange) => void) | undefined;
  readonly onError: (error: unknown) => void;
};

export type SpanInit = {
  readonly kind?: "internal" | "server" | "client";
  readonly attributes?: Attributes;
  /** Default: what is active. */
  readonly parent?: Context;
};

const scope = "holdfast";

export class Telemetry {
  /** Undefined where nobody collects. */
  readonly metrics: Metrics | undefined;
  /** Undefined where nobody traces. */
  readonly tracer: Tracer | undefined;
  readonly #onStateChange: ((change: StateChange) => void) | undefined;
  readonly #onError: (error: unknown) => void;

  constructor({ options = {}, onStateChange, onError }: TelemetryInit) {
    this.#onStateChange = onStateChange;
    this.#onError = onError;
    if (options === false) return;
    const meter = (options.meterProvider ?? metrics.getMeterProvider()).getMeter(scope);
    if (meter !== createNoopMeter()) this.metrics = new Metrics(meter);
    const tracer = (options.tracerProvider ?? trace.getTracerProvider()).getTracer(scope);
    if (isReal(tracer)) this.tracer = tracer;
  }

  /** Whether anybody wants to hear of changes of state. */
  get hears(): boolean {
    return this.#onStateChange !== undefined || this.metrics !== undefined;
  }

  /** Tells a change of state. Never throws. */
  change(change: StateChange): void {
    this.metrics?.record("holdfast.state.changes", 1, { change: change.change, kind: change.kind });
    try {
      this.#onStateChange?.(change);
    } catch (error) {
      this.#onError(error);
    }
  }

  /** Runs `work` in a span of its own, or as it is where nobody traces. */
  async span<T>(name: string, init: SpanInit, work: (span: Span | undefined) => Promise<T>): Promise<T> {
    if (this.tracer === undefined) return await work(undefined);
    const { kind = "internal", attributes = {}, parent = contexts.active() } = init;
    const span = this.tracer.startSpan(name, { kind: spanKinds[kind], attributes }, parent);
    try {
      return await contexts.with(trace.setSpan(parent, span), () => work(span));
    } catch (error) {
      span.setAttribute("error.type", errorType(error));
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  }
}

/** What may be said of an error in an attribute: few different words, none of them a client's. */
export function errorType(error: unknown): string {
  if (isHoldfastError(error)) return error.code;
  return error instanceof Error && builtIn.has(error.name) ? error.name : "_OTHER";
}

const builtIn: ReadonlySet<string> = new Set([
  "AbortError",
  "Error",
  "ProtocolError",
  "RangeError",
  "SyntaxError",
  "TypeError",
]);

const spanKinds = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;

/** The spans of a stand-in, which the API hands out until an SDK is registered, belong to no trace. This one never ends. */
function isReal(tracer: Tracer): boolean {
  return isSpanContextValid(tracer.startSpan("holdfast", {}, ROOT_CONTEXT).spanContext());
}
