import type { Command } from "../cli/command.ts";
import { migrateCommand } from "./migrate.ts";
import { serveCommand } from "./serve-command.ts";

/** Every command, in the order of `holdfast --help`. */
export const commands: readonly Command[] = [serveCommand, migrateCommand];
