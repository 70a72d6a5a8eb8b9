/** Driver errors become `HoldfastError`s here and nowhere else. */
import { HoldfastError } from "../../record/errors.ts";

/** The server's own refusal of a command, of which nothing was carried out. */
export class Refused extends Error {
  override readonly name = "Refused";
  /** The first word, such as `MOVED`. */
  readonly word: string;

  constructor(cause: Error) {
    super(cause.message, { cause });
    this.word = /^[A-Z]+/.exec(cause.message)?.[0] ?? "";
  }
}

/** A command was sent and no answer came: it may have been carried out. */
export class Lost extends Error {
  override readonly name = "Lost";

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}

/** @param reads whether nothing was to be written, so that nothing can be unknown. */
export function translate(thrown: unknown, reads: boolean): unknown {
  if (thrown instanceof Refused) return refusal(thrown);
  if (!(thrown instanceof Lost)) return thrown;
  if (reads) return unavailable("Redis gave no answer", thrown);
  return new HoldfastError(
    "OUTCOME_UNKNOWN",
    "no answer came to a change that was sent; repeat it with the same commit id, or read first",
    { cause: thrown },
  );
}

function refusal(refused: Refused): HoldfastError {
  const { word, message, cause } = refused;
  const init = { cause, details: { reply: word } };
  switch (word) {
    case "OOM":
      return new HoldfastError(
        "STORE_FULL",
        "Redis has used all the memory it may (maxmemory); nothing was written",
        init,
      );
    case "MISCONF":
      return /space/i.test(message)
        ? new HoldfastError("STORE_FULL", "the disk of the Redis server is full; nothing was written", init)
        : unavailable("Redis cannot write to its disk and takes no changes", refused);
    case "WRONGTYPE":
      return new HoldfastError("STORE_CORRUPT", "a key of the store holds what the store never put there", init);
    case "ERR":
      // Only what stands there can make a script of ours fail.
      return message.includes("user_script")
        ? unreadable(cause)
        : unavailable("Redis refused a command (ERR)", refused);
    case "NOAUTH":
    case "WRONGPASS":
    case "NOPERM":
      return new HoldfastError("CONFIGURATION", `Redis does not let this user in or do what is needed (${word})`, init);
    case "READONLY":
      return unavailable("the Redis server has become a replica and takes no changes", refused);
    default:
      // The server's own words may quote keys, which hold ids.
      return unavailable(`Redis refused a command (${word})`, refused);
  }
}

/** What the store never left as it is: somebody else wrote there, or a part of it is gone. */
export function unreadable(cause?: unknown, reply?: string): HoldfastError {
  const details = reply === undefined ? {} : { details: { reply } };
  return new HoldfastError("STORE_CORRUPT", "what stands in Redis is not as the store left it", { cause, ...details });
}

export function unavailable(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("UNAVAILABLE", message, { cause });
}
