import { accounts } from "./groups/accounts.ts";
import { admin } from "./groups/admin.ts";
import { atomicity } from "./groups/atomicity.ts";
import { bounds } from "./groups/bounds.ts";
import { closing } from "./groups/closing.ts";
import { commitIds } from "./groups/commit-ids.ts";
import { conflicts } from "./groups/conflicts.ts";
import { counters } from "./groups/counters.ts";
import { dumps } from "./groups/dumps.ts";
import { durability } from "./groups/durability.ts";
import { erasing } from "./groups/erasing.ts";
import { expiry } from "./groups/expiry.ts";
import { fences } from "./groups/fences.ts";
import { finding } from "./groups/finding.ts";
import { hints } from "./groups/hints.ts";
import { isolation } from "./groups/isolation.ts";
import { lifecycle } from "./groups/lifecycle.ts";
import { listing } from "./groups/listing.ts";
import { oddValues } from "./groups/odd-values.ts";
import { peers } from "./groups/peers.ts";
import { quota } from "./groups/quota.ts";
import { streams } from "./groups/streams.ts";
import { tails } from "./groups/tails.ts";
import { versions } from "./groups/versions.ts";
import type { Requirement } from "./requirement.ts";

/** Every requirement of the suite, in the order it runs. Ids are never given a second meaning. */
export const requirements: readonly Requirement[] = [
  ...versions,
  ...conflicts,
  ...counters,
  ...streams,
  ...tails,
  ...atomicity,
  ...fences,
  ...commitIds,
  ...expiry,
  ...closing,
  ...listing,
  ...finding,
  ...quota,
  ...bounds,
  ...admin,
  ...erasing,
  ...dumps,
  ...accounts,
  ...hints,
  ...oddValues,
  ...isolation,
  ...durability,
  ...peers,
  ...lifecycle,
];
