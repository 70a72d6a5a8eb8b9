/** The privileged door: for operators and sweeps. */
import { throwIfAborted } from "../../record/abort.ts";
import type { Owner, RecordKey, StoredRecord } from "../../record/record.ts";
import type {
  AccountDump,
  AccountOptions,
  AccountPage,
  CallOptions,
  EraseOptions,
  OwnersOptions,
  OwnersPage,
  ReapAnswer,
  ReapOptions,
  RecordDump,
  ScanOptions,
  ScanPage,
  StoreAdmin,
  StoreStats,
} from "../../store/contract.ts";
import type { Gate } from "../../store/gate.ts";
import { validateCall, validateErase, validateList, validatePage, validateReap } from "../../store/validate.ts";
import { validateAccount } from "../../store/validate-account.ts";
import { validateDump } from "../../store/validate-dump.ts";
import { exportAccount, importAccount } from "./account.ts";
import { exportRecord, importRecord } from "./dumps.ts";
import type { Owners } from "./owners.ts";
import type { Asking } from "./queries.ts";
import { recordOf, type WireRecord } from "./rows.ts";
import { pageOfOwners, scanAll, scanOwner, statsOfAll } from "./scan.ts";
import { sweep } from "./sweep.ts";
import { keyArgument } from "./wire.ts";

export type AdminDuties = {
  readonly asking: () => Asking;
  readonly owners: Owners;
  readonly cursorKey: Uint8Array;
  readonly gate: Gate;
  /** Rejects with `ABORTED` as soon as the signal says so. */
  readonly until: <T>(signal: AbortSignal | undefined, work: () => Promise<T>) => Promise<T>;
};

export class RedisAdmin implements StoreAdmin {
  readonly #duties: AdminDuties;

  constructor(duties: AdminDuties) {
    this.#duties = duties;
  }

  scan(options: ScanOptions): Promise<ScanPage> {
    return this.#run(options.signal, async (asking) => {
      validateList(options.kind, options);
      const { owners, cursorKey } = this.#duties;
      if (options.owner === undefined) return await scanAll(asking, owners, options);
      return await scanOwner(asking, cursorKey, options.owner, options);
    });
  }

  inspect(owner: Owner, key: RecordKey, options: CallOptions = {}): Promise<StoredRecord | undefined> {
    return this.#run(options.signal, async ({ client, keys }) => {
      validateCall(key, options);
      const answer = await client.run("inspect", [keys.ofOwner(owner)[0]], [keyArgument(key), "0"]);
      return answer === null ? undefined : recordOf((answer as readonly [WireRecord])[0]);
    });
  }

  reap(options: ReapOptions): Promise<ReapAnswer> {
    // What is removed has to be told: an abort ends the sweep early, and not the call.
    return this.#run(undefined, async (asking) => {
      validateReap(options);
      return await sweep(asking, this.#duties.owners, options);
    });
  }

  // Four keys are unlinked at once, however much is in them, so nothing goes in parts here.
  erase(owner: Owner, options: EraseOptions = {}): Promise<number> {
    return this.#run(undefined, async ({ client, keys }) => {
      validateErase(options);
      return Number(await client.run("erase", keys.ofOwner(owner), []));
    });
  }

  export(owner: Owner, key: RecordKey, options: CallOptions = {}): Promise<RecordDump | undefined> {
    return this.#run(options.signal, async (asking) => {
      validateCall(key, options);
      return await exportRecord(asking, owner, key);
    });
  }

  import(owner: Owner, dump: RecordDump, { signal }: CallOptions = {}): Promise<void> {
    return this.#run(undefined, async (asking) => {
      throwIfAborted(signal);
      validateDump(dump);
      await importRecord(asking, this.#duties.owners, owner, dump);
    });
  }

  owners(options: OwnersOptions): Promise<OwnersPage> {
    return this.#run(options.signal, async (asking) => {
      validatePage(options);
      return await pageOfOwners(asking, this.#duties.owners, options);
    });
  }

  exportAccount(owner: Owner, options: AccountOptions): Promise<AccountPage | undefined> {
    return this.#run(options.signal, async (asking) => {
      validatePage(options);
      return await exportAccount(asking, owner, options);
    });
  }

  importAccount(owner: Owner, dump: AccountDump, { signal }: CallOptions = {}): Promise<void> {
    return this.#run(undefined, async (asking) => {
      throwIfAborted(signal);
      validateAccount(dump);
      await importAccount(asking, this.#duties.owners, owner, dump);
    });
  }

  stats({ signal }: CallOptions = {}): Promise<StoreStats> {
    return this.#run(signal, (asking) => statsOfAll(asking, this.#duties.owners));
  }

  #run<T>(signal: AbortSignal | undefined, work: (asking: Asking) => Promise<T>): Promise<T> {
    const { gate, asking, until } = this.#duties;
    return gate.run(async () => {
      throwIfAborted(signal);
      return until(signal, () => work(asking()));
    });
  }
}
