import { flag, type Row } from "../settings/row.ts";

/** The flag that every command with an answer has. */
export const json: Row<boolean> = flag({
  default: false,
  group: "This command",
  help: "Answer in JSON, for programs",
});
