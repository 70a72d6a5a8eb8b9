/**
 * What a requirement can cite. Numbers are the rules of the store contract; a name is what the contract says of that
 * method; the rest are promises of holdfast as a whole that a store has to carry.
 */
export const rules = {
  "1": "A version is never reused for an id; new incarnations start above the last version and the owner's floor.",
  "2": "Counters and appends never conflict with document writers or with each other.",
  "3": "The owner is part of every key. Foreign and absent are the same answer.",
  "4": "The store's clock decides expiry. Expiry is logical at once; reaping closes what is retained and removes the rest later.",
  "5": "Positions are gapless and in commit order; a read with tails answers one consistent state.",
  "6": "A commit id is looked up before anything is decided and answers the first outcome.",
  "7": "Hints wake readers and may be lost; the truth is the stream.",
  "8": "Commits in flight share a batch; each keeps its own outcome.",
  "9": "Settings that would break a promise are refused when the store opens.",
  "no-lost-update": "For any version at most one conditional change succeeds, and a conflict writes nothing.",
  "atomic-unit": "The changes of one commit land together or not at all.",
  "lazy-slide": "An expiry slides only when more than a twentieth of the idle lifetime would be gained.",
  "exact-quota": "Quotas are exact under parallel creation; reading, deleting and shrinking still work.",
  fencing: "A fenced commit is refused unless the lease still stands at the token, decided in the same atomic write.",
  durability: "What the traits promise to survive survives.",
  read: "The contract of `read`.",
  commit: "The contract of `commit`.",
  events: "The contract of `events`.",
  list: "The contract of `list`.",
  usage: "The contract of `usage`.",
  admin: "The contract of the admin door.",
  health: "The contract of `health` and `traits`.",
  abort: "An aborted signal ends a call with `ABORTED`, and an aborted commit wrote nothing.",
  close: "Closing settles what is in flight; later calls throw `CLOSED`; closing again is harmless.",
  opaque: "Documents and events are text, kept byte for byte; names may be any text.",
} as const;

/** What a requirement can cite: a rule of the contract by its number, or a promise by its name. */
export type Rule = keyof typeof rules;
