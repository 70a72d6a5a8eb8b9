import { type Command, defineCommand } from "../cli/command.ts";
import { json } from "../cli/common-flags.ts";
import { filledText } from "../cli/fitted.ts";
import type { Output } from "../cli/output.ts";
import { optionalText } from "../settings/row.ts";
import { withoutPassword } from "../settings/without-password.ts";
import { packageVersion } from "../version.ts";
import type { Finding } from "./doctor/check.ts";
import { repair } from "./doctor/repair.ts";
import { checkRuntime } from "./doctor/runtime.ts";
import { checkSettings } from "./doctor/settings.ts";
import { checkStore } from "./doctor/store.ts";
import { notFoundExit } from "./looking/exits.ts";

const unwell = 4;

export const doctorCommand: Command = defineCommand({
  name: "doctor",
  summary: "check runtime, settings, store, schema and clock, and say what to change",
  about: [
    "Looks at everything a server with these settings would need, changes nothing but the store's schema, and says",
    "what to do. Give it the flags, variables and file that your server has.",
  ],
  settings: "all",
  flags: {
    repair: optionalText({
      placeholder: "ID",
      group: "This command",
      help: "Rebuild this workflow from its events instead",
    }),
    json,
  },
  examples: [
    ["holdfast doctor --config /etc/holdfast.json", "before the server is started, or when it does not"],
    ["holdfast doctor --repair wf_…", "its state is not what its log says"],
  ],
  exits: [notFoundExit, [unwell, "something has to be changed"]],
  run: async ({ table, resolved, flags, out, signal }) => {
    if (flags.repair !== undefined) return await repair(resolved.settings.store, flags.repair, out, signal);
    const findings: Finding[] = [];
    // Each as soon as it is known: a store that does not answer is waited for.
    const found = (more: readonly Finding[]): void => {
      findings.push(...more);
      if (!out.json) tell(out, more);
    };
    found([...checkRuntime(), ...(await checkSettings(table, resolved))]);
    const { store } = resolved.settings;
    const saysWhere = out.interactive && !out.json;
    if (saysWhere) out.raw(`looking at ${withoutPassword(store)} …`.slice(0, out.columns - 1));
    const ofStore = await checkStore(store, signal);
    if (saysWhere) out.raw("\r\u001b[K");
    found(ofStore);
    const bad = findings.filter(({ verdict }) => verdict === "bad").length;
    if (out.json) out.value({ ok: bad === 0, version: packageVersion(), findings });
    else out.line(summaryOf(findings));
    return bad === 0 ? 0 : unwell;
  },
});

function tell(out: Output, findings: readonly Finding[]): void {
  const { good, warn, bad, dim } = out.paint;
  const marks = { good: good("ok  "), warning: warn("warn"), bad: bad("BAD ") };
  const indent = " ".repeat(24);
  for (const { what, verdict, seen, remedy } of findings) {
    const [first = "", ...others] = filledText(seen, out.width - indent.length);
    out.line(`${marks[verdict]}  ${what.padEnd(17)} ${first}`);
    for (const other of others) out.line(`${indent}${other}`);
    if (remedy === undefined) continue;
    for (const line of filledText(`→ ${remedy}`, out.width - indent.length)) out.line(`${indent}${dim(line)}`);
  }
}

function summaryOf(findings: readonly Finding[]): string {
  const count = (verdict: Finding["verdict"]): number =>
    findings.filter((finding) => finding.verdict === verdict).length;
  return `${count("good")} fine, ${count("warning")} to look at, ${count("bad")} to change`;
}
