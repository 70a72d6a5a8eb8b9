import type { Attributes, Counter, Histogram, Meter, Observable, ObservableCallback } from "@opentelemetry/api";

import { type MetricName, type MetricRow, metricTable, type ObservedName, type RecordedName } from "./metric-table.ts";

/** One value of an observed metric. */
export type Reading = readonly [value: number, attributes?: Attributes];

/** The instruments of one hold, made from the table. */
export class Metrics {
  readonly #meter: Meter;
  readonly #recorded: ReadonlyMap<string, (value: number, attributes: Attributes | undefined) => void>;
  readonly #observed = new Map<ObservedName, Observable>();

  constructor(meter: Meter) {
    this.#meter = meter;
    this.#recorded = new Map(namesOf("histogram", "counter").map((name) => [name, recorder(meter, name)]));
  }

  record(name: RecordedName, value: number, attributes?: Attributes): void {
    this.#recorded.get(name)?.(value, attributes);
  }

  /** Has a metric read at each collection, until the function that comes back is called. */
  watch(name: ObservedName, read: () => readonly Reading[]): () => void {
    let instrument = this.#observed.get(name);
    if (instrument === undefined) {
      const { unit, help: description, type } = metricTable[name];
      const options = { unit, description };
      instrument =
        type === "gauge"
          ? this.#meter.createObservableGauge(name, options)
          : this.#meter.createObservableCounter(name, options);
      this.#observed.set(name, instrument);
    }
    const watched = instrument;
    const callback: ObservableCallback = (result) => {
      for (const [value, attributes] of read()) result.observe(value, attributes);
    };
    watched.addCallback(callback);
    return () => watched.removeCallback(callback);
  }
}

function namesOf(...types: readonly MetricRow["type"][]): readonly MetricName[] {
  // The keys of the table are the names: its type says so.
  return (Object.keys(metricTable) as MetricName[]).filter((name) => types.includes(metricTable[name].type));
}

function recorder(meter: Meter, name: MetricName): (value: number, attributes: Attributes | undefined) => void {
  const { unit, help: description, type, bounds } = metricTable[name];
  const advice = bounds === undefined ? {} : { advice: { explicitBucketBoundaries: [...bounds] } };
  if (type === "histogram") {
    const histogram: Histogram = meter.createHistogram(name, { unit, description, ...advice });
    return (value, attributes) => histogram.record(value, attributes);
  }
  const counter: Counter = meter.createCounter(name, { unit, description });
  return (value, attributes) => counter.add(value, attributes);
}
