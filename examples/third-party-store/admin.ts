/** The privileged door: operators, sweeps and moves. */
import {
  type AccountDump,
  type AccountOptions,
  type AccountPage,
  type CallOptions,
  type EraseOptions,
  type Owner,
  type OwnersOptions,
  type OwnersPage,
  ownerScanScope,
  type ReapAnswer,
  type ReapOptions,
  type RecordDump,
  type RecordKey,
  type ScanOptions,
  type ScanPage,
  type StoreAdmin,
  type StoredRecord,
  type StoreStats,
  scanScope,
  utf8Length,
  validateAccount,
  validateCall,
  validateDump,
  validateErase,
  validateList,
  validatePage,
  validateReap,
} from "holdfast/contract";

import { type Engine, throwIfAborted } from "./engine.ts";
import { checkImport, recordOf } from "./state.ts";

export class JournalAdmin implements StoreAdmin {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  scan(options: ScanOptions): Promise<ScanPage> {
    return this.#engine.look(
      () => validateList(options.kind, options),
      (at) => {
        const { owner, kind } = options;
        const all = this.#engine.state.all(owner).filter((held) => kind === undefined || held.kind === kind);
        const { page, next } = this.#engine.paged(
          all,
          owner === undefined ? scanScope : ownerScanScope(owner),
          options,
        );
        return {
          at,
          records: page.map(({ state, owner: whose, kind: of, id }) => ({ owner: whose, kind: of, id, ...state })),
          next,
        };
      },
    );
  }

  inspect(owner: Owner, key: RecordKey, options: CallOptions = {}): Promise<StoredRecord | undefined> {
    return this.#engine.look(
      () => validateCall(key, options),
      () => {
        const held = this.#engine.state.find(owner, key);
        return held && recordOf(held);
      },
    );
  }

  reap(options: ReapOptions): Promise<ReapAnswer> {
    return this.#engine.gate.run(async () => {
      validateReap(options);
      return await this.#engine.write<ReapAnswer>(undefined, (at, write) => {
        const answer = this.#engine.state.sweep(options.limit, at);
        write({ op: "reap", at, limit: options.limit });
        return answer;
      });
    });
  }

  // One line of the journal erases any number of records, so nothing goes in parts here.
  erase(owner: Owner, options: EraseOptions = {}): Promise<number> {
    return this.#engine.gate.run(async () => {
      validateErase(options);
      return await this.#engine.write<number>(options.signal, (at, write) => {
        const { size } = this.#engine.state.partition(owner).records;
        write({ op: "erase", at, owner });
        return size;
      });
    });
  }

  export(owner: Owner, key: RecordKey, options: CallOptions = {}): Promise<RecordDump | undefined> {
    return this.#engine.look(
      () => validateCall(key, options),
      () => {
        const held = this.#engine.state.find(owner, key);
        if (held === undefined) return undefined;
        const streams = [...held.state.streams.keys()].map((name) => [name, held.events.get(name) ?? []] as const);
        return { record: recordOf(held), events: Object.fromEntries(streams) };
      },
    );
  }

  import(owner: Owner, dump: RecordDump, { signal }: CallOptions = {}): Promise<void> {
    return this.#engine.gate.run(async () => {
      throwIfAborted(signal);
      validateDump(dump);
      await this.#engine.write(signal, (at, write) => {
        checkImport(this.#engine.state, owner, dump);
        write({ op: "import", at, owner, dump });
      });
    });
  }

  owners(options: OwnersOptions): Promise<OwnersPage> {
    return this.#engine.look(
      () => validatePage(options),
      () => {
        const rest = [...this.#engine.state.partitions.keys()].sort().filter((owner) => owner > (options.after ?? ""));
        const owners = rest.slice(0, options.limit);
        return { owners, next: rest.length > options.limit ? owners.at(-1) : undefined };
      },
    );
  }

  exportAccount(owner: Owner, options: AccountOptions): Promise<AccountPage | undefined> {
    return this.#engine.look(
      () => validatePage(options),
      (at) => {
        const partition = this.#engine.state.partitions.get(owner);
        if (partition === undefined) return undefined;
        const rest = [...partition.commits.keys()]
          .filter((id) => id > (options.after ?? "") && this.#engine.state.outcome(owner, id, at)?.origin === "caller")
          .sort();
        const commits = rest.slice(0, options.limit).flatMap((id) => {
          const known = partition.commits.get(id);
          return known === undefined ? [] : [{ id, digest: known.digest, at: known.at, results: known.results }];
        });
        const { floor, importFloor } = partition;
        return { floor, importFloor, commits, next: rest.length > options.limit ? commits.at(-1)?.id : undefined };
      },
    );
  }

  importAccount(owner: Owner, dump: AccountDump, { signal }: CallOptions = {}): Promise<void> {
    return this.#engine.gate.run(async () => {
      throwIfAborted(signal);
      validateAccount(dump);
      await this.#engine.write(signal, (at, write) => write({ op: "account", at, owner, dump }));
    });
  }

  stats(options: CallOptions = {}): Promise<StoreStats> {
    return this.#engine.look(
      () => throwIfAborted(options.signal),
      () => {
        const all = this.#engine.state.all(undefined);
        const events = all.flatMap((held) => [...held.events.values()].flat());
        const bytes = all.reduce((sum, { state }) => sum + state.documentBytes, 0);
        const owners = new Set(all.map(({ owner }) => owner)).size;
        return {
          records: all.length,
          owners,
          events: events.length,
          bytes: bytes + events.reduce((sum, { data }) => sum + utf8Length(data), 0),
        };
      },
    );
  }
}
