import type { Command } from "../cli/command.ts";
import { atCommand } from "./at.ts";
import { benchCommand } from "./bench.ts";
import { completionCommand } from "./completion.ts";
import { conformanceCommand } from "./conformance.ts";
import { doctorCommand } from "./doctor.ts";
import { eventsCommand } from "./events.ts";
import { exportCommand } from "./export.ts";
import { forgetCommand } from "./forget.ts";
import { migrateCommand } from "./migrate.ts";
import { probeCommand } from "./probe.ts";
import { recordsCommand } from "./records.ts";
import { resealCommand } from "./reseal.ts";
import { serveCommand } from "./serve-command.ts";
import { sessionsCommand } from "./sessions.ts";

/** Every command, in the order of `holdfast --help`. */
export const commands: readonly Command[] = [
  serveCommand,
  sessionsCommand,
  recordsCommand,
  eventsCommand,
  atCommand,
  doctorCommand,
  probeCommand,
  migrateCommand,
  resealCommand,
  exportCommand,
  forgetCommand,
  conformanceCommand,
  benchCommand,
  completionCommand,
];
