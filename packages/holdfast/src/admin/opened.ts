/** A sealed store as those may see it who have the keys. */
import { isHoldfastError } from "../record/errors.ts";
import type { Owner, RecordKey, StoredEvent, StoredRecord } from "../record/record.ts";
import type { SealingKeys } from "../security/sealing/keys.ts";
import { isSealedEvent, Sealer } from "../security/sealing/sealer.ts";
import { openDocumentText, sealedPartsOf } from "../state/sealing/document-text.ts";
import type { RecordDump, Store, StoreAdmin } from "../store/contract.ts";

/**
 * The same store, for looking only: what its admin door shows of records, and pages of events, is opened where the keys
 * open it; the rest is shown as it is stored. Nothing is sealed that is written through it.
 *
 * @example
 * import { sealingKeysFromFile } from "holdfast";
 *
 * const shown = openedStore(store, await sealingKeysFromFile("seal.json"));
 * const dump = await shown.admin.export(owner, { kind: "basket", id });
 */
export function openedStore(store: Store, keys: SealingKeys): Store {
  const opener = new Opener(keys);
  const { admin } = store;
  const opened: StoreAdmin = {
    scan: (options) => admin.scan(options),
    inspect: async (owner, key, options) => {
      const record = await admin.inspect(owner, key, options);
      return record && (await opener.record(owner, record));
    },
    reap: (options) => admin.reap(options),
    erase: (...given) => admin.erase(...given),
    export: async (owner, key, options) => {
      const dump = await admin.export(owner, key, options);
      return dump && (await opener.dump(owner, dump));
    },
    import: (...given) => admin.import(...given),
    owners: (options) => admin.owners(options),
    exportAccount: (...given) => admin.exportAccount(...given),
    importAccount: (...given) => admin.importAccount(...given),
    stats: (options) => admin.stats(options),
  };
  return {
    traits: store.traits,
    admin: opened,
    read: (...given) => store.read(...given),
    commit: (...given) => store.commit(...given),
    events: async (owner, key, stream, options) => {
      const page = await store.events(owner, key, stream, options);
      return page && { ...page, events: await opener.events(owner, key, stream, page.events) };
    },
    list: (...given) => store.list(...given),
    usage: (...given) => store.usage(...given),
    publish: (...given) => store.publish(...given),
    subscribe: (...given) => store.subscribe(...given),
    health: (...given) => store.health(...given),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}

class Opener {
  readonly #sealer: Sealer;

  constructor(keys: SealingKeys) {
    this.#sealer = new Sealer({ keys, acceptUnsealed: true, onAlarm: () => undefined });
  }

  async record(owner: Owner, record: StoredRecord): Promise<StoredRecord> {
    const sealed = sealedPartsOf(record.document);
    if (sealed === undefined) return record;
    const open = openDocumentText(this.#sealer, owner, record, record.document, sealed);
    return { ...record, document: await orAsStored(open, record.document) };
  }

  async dump(owner: Owner, { record, events }: RecordDump): Promise<RecordDump> {
    const streams = await Promise.all(
      Object.entries(events).map(async ([name, list]) => [name, await this.events(owner, record, name, list)] as const),
    );
    return { record: await this.record(owner, record), events: Object.fromEntries(streams) };
  }

  async events(
    owner: Owner,
    key: RecordKey,
    stream: string,
    events: readonly StoredEvent[],
  ): Promise<readonly StoredEvent[]> {
    return await Promise.all(
      events.map(async (event) => {
        if (!isSealedEvent(event.data)) return event;
        return { ...event, data: await orAsStored(this.#sealer.openEvent(owner, key, stream, event.data), event.data) };
      }),
    );
  }
}

async function orAsStored(opening: Promise<string>, stored: string): Promise<string> {
  try {
    return await opening;
  } catch (error) {
    if (isHoldfastError(error, "SEAL_BROKEN") || isHoldfastError(error, "SEAL_KEY_MISSING")) return stored;
    throw error;
  }
}
