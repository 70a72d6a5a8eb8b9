/** What is stored as sensitive: one record for each session, sealed whatever else is. */
import { type Kind, kind } from "holdfast";
import * as z from "zod";

/** A list, since any text may be a key. */
type Kept = { entries: [key: string, value: string][] };
const schema: z.ZodType<Kept, { entries?: Kept["entries"] | undefined }> = z.object({
  entries: z.array(z.tuple([z.string(), z.string()])).default([]),
});
export type Vault = Kind<"vault", typeof schema, "named">;

/**
 * Found under the id of its session, and asked for only once that is known to be the caller's and live. It goes with its
 * session where that is ended or cleared; where a session has expired nothing leads to it, and it goes when its time is over.
 */
export function vaultKind(absoluteMs: number): Vault {
  return kind("vault", { schema, scope: "named", absolute: absoluteMs, sealed: true });
}
