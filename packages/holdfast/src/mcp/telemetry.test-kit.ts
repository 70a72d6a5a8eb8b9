import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";

import type { TelemetryOptions } from "../telemetry/telemetry.ts";

class Reader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {
    // Nothing is kept back.
  }
  protected override async onShutdown(): Promise<void> {
    // Nothing is open.
  }
}

/** An SDK in memory: what a host would register, to be looked into. */
export class Sdk implements AsyncDisposable {
  readonly #spans = new InMemorySpanExporter();
  readonly #reader = new Reader();
  readonly #meters = new MeterProvider({ readers: [this.#reader] });
  readonly #tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#spans)] });

  constructor() {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  }

  get options(): TelemetryOptions {
    return { meterProvider: this.#meters, tracerProvider: this.#tracers };
  }

  get spans(): readonly ReadableSpan[] {
    return this.#spans.getFinishedSpans();
  }

  forgetSpans(): void {
    this.#spans.reset();
  }

  /** Every data point, as "name{attribute=value,…}" with its value, or the count of a histogram. */
  async points(): Promise<ReadonlyMap<string, number>> {
    const { resourceMetrics } = await this.#reader.collect();
    const points = new Map<string, number>();
    for (const { descriptor, dataPoints } of resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)) {
      for (const { attributes, value } of dataPoints) {
        const named = Object.entries(attributes).map(([name, of]) => `${name}=${String(of)}`);
        points.set(`${descriptor.name}{${named.sort().join(",")}}`, typeof value === "number" ? value : value.count);
      }
    }
    return points;
  }

  /** Count and sum of a histogram without attributes. */
  async histogram(name: string): Promise<{ readonly count: number; readonly sum: number | undefined }> {
    const { resourceMetrics } = await this.#reader.collect();
    const metrics = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics);
    const value = metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints[0]?.value;
    return typeof value === "object" && "sum" in value ? { count: value.count, sum: value.sum } : { count: 0, sum: 0 };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    context.disable();
    await this.#tracers.shutdown();
    await this.#meters.shutdown();
  }
}
