import { HoldfastError } from "holdfast/contract";

/** What is thrown for a command line that nobody defined: exit code 2. */
export function usage(message: string): HoldfastError {
  return new HoldfastError("CONFIGURATION", message);
}
