/** Rounds as lines, as a summary of the last of them, and as metrics. */
import { renameSync, writeFileSync } from "node:fs";

import type { Output } from "../../cli/output.ts";
import { printable } from "../../cli/table.ts";
import type { Round } from "./round.ts";

const remembered = 200;

export class History {
  readonly #rounds: Round[] = [];
  #total = 0;
  #failed = 0;

  add(round: Round): void {
    this.#total += 1;
    if (!round.ok) this.#failed += 1;
    this.#rounds.push(round);
    if (this.#rounds.length > remembered) this.#rounds.shift();
  }

  get total(): number {
    return this.#total;
  }

  get failed(): number {
    return this.#failed;
  }

  /** `37 rounds, 1 failed; the last 37: p50 12 ms, p95 40 ms, most 55 ms` */
  summary(): string {
    const took = this.#rounds.map(({ tookMs }) => tookMs).sort((one, other) => one - other);
    const at = (part: number): string => ms(took[Math.min(took.length - 1, Math.floor(part * took.length))] ?? 0);
    const times = `p50 ${at(0.5)}, p95 ${at(0.95)}, most ${at(1)}`;
    return `${this.#total} ${this.#total === 1 ? "round" : "rounds"}, ${this.#failed} failed; the last ${took.length}: ${times}`;
  }
}

function ms(value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : `${Math.round(value)} ms`;
}

export function asJson(round: Round): Readonly<Record<string, unknown>> {
  const { at, era, ok, kind, failedAt, reason, tookMs, steps } = round;
  return {
    at: at.toISOString(),
    era,
    ok,
    ...(!ok && { kind, step: failedAt ?? null, reason }),
    took_ms: rounded(tookMs),
    steps: steps.map((step) => ({ name: step.name, took_ms: rounded(step.tookMs) })),
  };
}

export function tellRound(out: Output, { era, ok, failedAt, reason, tookMs, steps }: Round): void {
  const rows = steps.map(({ name, tookMs: took }) => [name, ms(took)] as const);
  out.table([{ title: `step (${era} era)` }, { title: "took", align: "right" }], rows);
  if (ok) out.line(out.paint.good(`healthy, in ${ms(tookMs)}`));
  else
    out.line(
      out.paint.bad(`not healthy${failedAt === undefined ? "" : `, at ${failedAt}`}: ${printable(reason ?? "")}`),
    );
}

/** One line per round, for whoever watches. */
export function lineOf(out: Output, { at, era, ok, failedAt, reason, tookMs }: Round): string {
  const verdict = ok ? out.paint.good("healthy") : out.paint.bad("FAILED ");
  const why = ok ? "" : `  ${failedAt ?? ""}: ${printable(reason ?? "")}`;
  return `${at.toISOString().slice(0, 19)}Z  ${verdict}  ${era}  ${ms(tookMs)}${why}`;
}

/** For the textfile collector of Prometheus' node exporter. Written beside and moved, so that no half of it is read. */
export function writeTextfile(path: string, url: URL, round: Round, history: History): void {
  const target = `target="${labelText(`${url.origin}${url.pathname}`)}",era="${round.era}"`;
  const took = new Map<string, number>();
  for (const { name, tookMs } of round.steps) took.set(name, (took.get(name) ?? 0) + tookMs);
  const lines = [
    "# HELP holdfast_probe_success Whether the last probe found the server healthy.",
    "# TYPE holdfast_probe_success gauge",
    `holdfast_probe_success{${target}} ${round.ok ? 1 : 0}`,
    "# HELP holdfast_probe_duration_seconds How long the last probe took.",
    "# TYPE holdfast_probe_duration_seconds gauge",
    `holdfast_probe_duration_seconds{${target}} ${seconds(round.tookMs)}`,
    "# HELP holdfast_probe_step_duration_seconds How long each step of the last probe took.",
    "# TYPE holdfast_probe_step_duration_seconds gauge",
    ...[...took].map(
      ([name, value]) => `holdfast_probe_step_duration_seconds{${target},step="${labelText(name)}"} ${seconds(value)}`,
    ),
    "# HELP holdfast_probe_rounds_total Probes since this process began.",
    "# TYPE holdfast_probe_rounds_total counter",
    `holdfast_probe_rounds_total{${target}} ${history.total}`,
    "# HELP holdfast_probe_failures_total Failed probes since this process began.",
    "# TYPE holdfast_probe_failures_total counter",
    `holdfast_probe_failures_total{${target}} ${history.failed}`,
    "# HELP holdfast_probe_last_run_timestamp_seconds When the last probe began.",
    "# TYPE holdfast_probe_last_run_timestamp_seconds gauge",
    `holdfast_probe_last_run_timestamp_seconds{${target}} ${seconds(round.at.getTime())}`,
  ];
  const beside = `${path}.${process.pid}.tmp`;
  writeFileSync(beside, `${lines.join("\n")}\n`);
  renameSync(beside, path);
}

function labelText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function seconds(ofMs: number): string {
  return (ofMs / 1_000).toFixed(3);
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
