import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

import { type Command, defineCommand, type Invocation } from "../cli/command.ts";
import { json } from "../cli/common-flags.ts";
import { usage } from "../cli/usage.ts";
import { choice, duration, integer, optionalText, type Row } from "../settings/row.ts";
import { asJson, History, lineOf, tellRound, writeTextfile } from "./probe/report.ts";
import { type Memory, type Plan, type Round, runRound } from "./probe/round.ts";
import { type Era, isJson, type Json } from "./probe/wire.ts";

const group = "This command";
const day = 86_400_000;
const exits = { unreachable: 3, wrong: 4, slow: 5 } as const;

type Own = {
  readonly era: Era | "both";
  readonly tokenFile: string | undefined;
  readonly timeout: number;
  readonly max: number | undefined;
  readonly tool: string | undefined;
  readonly arguments: string | undefined;
  readonly workflow: string | undefined;
  readonly watch: number | undefined;
  readonly count: number | undefined;
  readonly textfile: string | undefined;
  readonly json: boolean;
};

export const probeCommand: Command = defineCommand<Own>({
  name: "probe",
  summary: "check a running server from outside: write, read back, compare, time",
  about: [
    "Opens a session of its own, writes to it, reads it back and compares; what was acknowledged has to be there,",
    "whole and in order. With --tool it calls one tool of any MCP server and holds the answer to its schema.",
  ],
  arguments: [{ name: "URL", help: "the MCP endpoint, such as http://127.0.0.1:3000/mcp" }],
  flags: {
    era: choice({
      default: "both",
      choices: ["2025", "2026", "both"],
      placeholder: "ERA",
      group,
      help: "2025, 2026 or both",
    }),
    tokenFile: optionalText({ placeholder: "FILE", group, help: "File that holds the bearer token" }),
    timeout: duration({ default: 5_000, min: 1, max: day, group, help: "Longest wait for one answer" }),
    max: optional(duration({ default: 0, min: 1, max: day, group, help: "Slower than this in all is a failure" })),
    tool: optionalText({ placeholder: "NAME", group, help: "Call this tool instead" }),
    arguments: optionalText({ placeholder: "JSON", group, help: "Its arguments" }),
    workflow: optionalText({ placeholder: "ID", group, help: "Also read this workflow; new starts one, and it stays" }),
    watch: optional(duration({ default: 0, min: 100, max: day, group, help: "Probe again and again, this far apart" })),
    count: optional(integer({ default: 0, min: 1, max: 1_000_000_000, group, help: "Stop watching after so many" })),
    textfile: optionalText({
      placeholder: "FILE",
      group,
      help: "Also write metrics for Prometheus: FILE.prom, or FILE-2025.prom and FILE-2026.prom",
    }),
    json,
  },
  examples: [
    ["holdfast probe http://127.0.0.1:3000/mcp", "is it well?"],
    [
      "holdfast probe https://mcp.example/mcp --token-file t --watch 30s --textfile /var/lib/node_exporter/h.prom",
      "for a monitor",
    ],
    ['holdfast probe http://127.0.0.1:8000/mcp --tool search --arguments \'{"q":"x"}\'', "somebody else's server"],
  ],
  exits: [
    [exits.unreachable, "nobody answered"],
    [exits.wrong, "the answer was wrong"],
    [exits.slow, "it was too slow"],
  ],
  run: async (invocation) => {
    const { flags, signal, out } = invocation;
    const plans = plansFor(invocation);
    const memories = new Map<Era, Memory>(plans.map(({ era }) => [era, {}]));
    const histories = new Map<Era, History>(plans.map(({ era }) => [era, new History()]));
    const told: Readonly<Record<string, unknown>>[] = [];
    let code = 0;
    const rounds = flags.watch === undefined ? 1 : (flags.count ?? Number.POSITIVE_INFINITY);
    for (let done = 0; done < rounds && !signal.aborted; done += 1) {
      if (done > 0) await delay(flags.watch ?? 0, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) break;
      for (const plan of plans) {
        const history = histories.get(plan.era) ?? new History();
        const round = await runRound(plan, memories.get(plan.era) ?? {});
        // What was cut off says nothing about the server.
        if (signal.aborted) break;
        history.add(round);
        if (round.kind !== undefined) code = exits[round.kind];
        if (out.json && flags.watch === undefined) told.push(asJson(round));
        else tell(invocation, round, history);
        if (flags.textfile !== undefined) writeTextfile(nameFor(flags.textfile, plan, plans), plan.url, round, history);
      }
    }
    if (flags.watch !== undefined && out.interactive && !out.json) out.raw("\n");
    if (out.json && flags.watch === undefined) out.value({ ok: code === 0, rounds: told });
    return code;
  },
});

function tell({ out, flags }: Invocation<Own>, round: Round, history: History): void {
  if (out.json) return out.line(JSON.stringify(asJson(round)));
  if (flags.watch === undefined) return tellRound(out, round);
  // The summary below the last round gives way to the next one.
  if (out.interactive) out.raw("\r\u001b[K");
  out.line(lineOf(out, round));
  if (out.interactive) out.raw(`${history.summary()}\u001b[K\r`);
  else if (history.total % 10 === 0) out.note(history.summary());
}

function plansFor({ arguments: [given = ""], flags, signal }: Invocation<Own>): readonly Plan[] {
  if (!URL.canParse(given))
    throw usage(`URL has to be one such as http://127.0.0.1:3000/mcp, and ${JSON.stringify(given)} is not`);
  const url = new URL(given);
  if (url.protocol !== "http:" && url.protocol !== "https:") throw usage("URL has to begin with http:// or https://");
  if (flags.count !== undefined && flags.watch === undefined) throw usage("--count is for --watch TIME");
  // A watch starts one workflow for all of its rounds; single probes would leave one each.
  const workflow = flags.workflow ?? (flags.watch === undefined ? undefined : "new");
  const eras: readonly Era[] = flags.era === "both" ? ["2026", "2025"] : [flags.era];
  const tool = toolFrom(flags);
  const token = flags.tokenFile === undefined ? undefined : readToken(flags.tokenFile);
  return eras.map((era) => ({ url, era, token, timeoutMs: flags.timeout, maxMs: flags.max, tool, workflow, signal }));
}

function toolFrom({ tool, arguments: text }: Own): Plan["tool"] {
  if (tool === undefined) {
    if (text !== undefined) throw usage("--arguments are for --tool NAME");
    return undefined;
  }
  return { name: tool, args: argumentsFrom(text ?? "{}") };
}

function argumentsFrom(text: string): Json {
  try {
    const args: unknown = JSON.parse(text);
    if (isJson(args)) return args;
  } catch {
    // Told below.
  }
  throw usage(`--arguments has to be a JSON object, and ${JSON.stringify(text)} is not`);
}

function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw usage(`the token file ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A collector reads whole files: each era has its own. */
function nameFor(path: string, { era }: Plan, plans: readonly Plan[]): string {
  return plans.length === 1 ? path : path.replace(/(\.prom)?$/, `-${era}$1`);
}

function optional<Value>(row: Row<Value>): Row<Value | undefined> {
  return { ...row, default: undefined, show: (value) => (value === undefined ? undefined : row.show(value)) };
}
