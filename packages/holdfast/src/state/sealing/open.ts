import { LRUCache } from "lru-cache";
import { HoldfastError } from "../../record/errors.ts";
import { refuseUnknownNames } from "../../record/option-names.ts";
import { noSealingKeys } from "../../security/sealing/keys.ts";
import { type SealAlarm, Sealer } from "../../security/sealing/sealer.ts";
import { Secrets } from "../../security/sealing/secrets.ts";
import type { Store } from "../../store/contract.ts";
import type { KindDefinition } from "../definition.ts";
import { hashed } from "../document.ts";
import type { HoldWarning, SealingOptions } from "../hold.ts";
import { sealingPolicy } from "./policy.ts";
import { sealedStore } from "./sealed-store.ts";

type SealedKinds = readonly Pick<KindDefinition, "name" | "sealed">[];

/** Throws `INVALID_ARGUMENT` for options that cannot be, and where kinds want what there are no keys for. */
export function checkSealing(kinds: SealedKinds, sealing: SealingOptions | undefined): void {
  const wanting = kinds.find(({ sealed }) => sealed !== undefined);
  if (sealing === undefined) {
    if (wanting === undefined) return;
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      `kind "${wanting.name}" is sealed, and there are no keys: give holdfast({ sealing: { keys } })`,
    );
  }
  refuseUnknownNames("sealing", sealing, ["keys", "everything", "acceptUnsealed"]);
  const { keys } = sealing;
  if (typeof keys?.current !== "function" || typeof keys.find !== "function") {
    throw new HoldfastError(
      "INVALID_ARGUMENT",
      "sealing.keys is what sealingKeys() makes, or has current() and find()",
    );
  }
}

/** The store as a hold sees it: with everything sealed that is to be. */
export function sealingStore(
  store: Store,
  kinds: SealedKinds,
  sealing: SealingOptions | undefined,
  onWarning: ((warning: HoldWarning) => void) | undefined,
): Store {
  if (sealing === undefined) return store;
  const { keys, everything = false, acceptUnsealed = false } = sealing;
  const onAlarm = alarmsTo(onWarning);
  return sealedStore({
    store,
    sealer: new Sealer({ keys, acceptUnsealed, onAlarm }),
    lenient: new Sealer({ keys, acceptUnsealed: true, onAlarm }),
    policy: sealingPolicy(kinds, { everything, hasKeys: keys !== noSealingKeys }),
  });
}

/** What seals the secrets of the engine itself, where there are keys. */
export function secretsOf(sealing: SealingOptions | undefined): Secrets | undefined {
  if (sealing === undefined || sealing.keys === noSealingKeys) return undefined;
  return new Secrets({ keys: sealing.keys, acceptUnsealed: sealing.acceptUnsealed ?? false });
}

const quietMs = 60_000;
const maxRemembered = 1_000;

/** A record that does not open is asked for again and again: it is told once a minute. */
function alarmsTo(onWarning: ((warning: HoldWarning) => void) | undefined): (alarm: SealAlarm) => void {
  const told = new LRUCache<string, true>({ max: maxRemembered, ttl: quietMs });
  return ({ code, kind, id, keyId }) => {
    const name = `${code}/${kind}/${id}`;
    if (told.has(name)) return;
    told.set(name, true);
    const what = `ALARM: a record of the kind "${kind}"`;
    const message =
      code === "seal-broken"
        ? `${what} is not what was sealed in its place: somebody, or a disk, changed the store`
        : `${what} was sealed with the key "${keyId ?? ""}", which is not there: put it back`;
    try {
      onWarning?.({ code, message, details: { kind, idHash: hashed(id), ...(keyId !== undefined && { keyId }) } });
    } catch {
      // A listener that throws must not hide what it was told of: the caller hears of it too.
    }
  };
}
