import { isHoldfastError } from "../../record/errors.ts";
import type { Owner } from "../../record/record.ts";
import type { AccountPage, ScanPage } from "../../store/contract.ts";
import { adminOf, type BrokenStore, wrapping } from "./broken-store.test-kit.ts";

/** Faults in what a store gives away and takes in of owners, beyond their records. */
export const brokenAccounts: readonly BrokenStore[] = [
  wrapping("owners without records are not shown", ["R1"], (sound) => ({
    admin: {
      ...adminOf(sound),
      owners: async (options) => {
        const page = await sound.admin.owners(options);
        const owners: Owner[] = [];
        for (const owner of page.owners)
          if ((await sound.admin.scan({ owner, limit: 1 })).records.length > 0) owners.push(owner);
        return { ...page, owners };
      },
    },
  })),
  wrapping("the scan of one owner is ordered by id", ["R2"], (sound) => ({
    admin: {
      ...adminOf(sound),
      scan: async (options): Promise<ScanPage> => {
        if (options.owner === undefined) return sound.admin.scan(options);
        const all = await sound.admin.scan({ ...options, after: undefined, limit: 1_000 });
        const { after = "", limit } = options;
        const rest = all.records.filter(({ id }) => id > after).sort((one, other) => (one.id < other.id ? -1 : 1));
        return {
          at: all.at,
          records: rest.slice(0, limit),
          next: rest.length > limit ? rest[limit - 1]?.id : undefined,
        };
      },
    },
  })),
  wrapping("floors stay behind", ["R3", "R7"], (sound) => ({
    admin: {
      ...adminOf(sound),
      importAccount: (owner, dump, options) =>
        sound.admin.importAccount(
          owner,
          dump.floor < dump.importFloor ? dump : { ...dump, floor: 0, importFloor: 0 },
          options,
        ),
    },
  })),
  wrapping("imports of records are measured against nothing that was imported", ["R3", "R7"], (sound) => ({
    admin: {
      ...adminOf(sound),
      importAccount: (owner, dump, options) => sound.admin.importAccount(owner, { ...dump, importFloor: 0 }, options),
    },
  })),
  wrapping("commit ids stay behind", ["R4", "R5"], (sound) => ({
    admin: {
      ...adminOf(sound),
      importAccount: (owner, dump, options) => sound.admin.importAccount(owner, { ...dump, commits: [] }, options),
    },
  })),
  wrapping("what is imported is remembered from then on", ["R5"], (sound) => ({
    admin: {
      ...adminOf(sound),
      importAccount: async (owner, dump, options) => {
        const { at } = await sound.admin.scan({ limit: 1 });
        await sound.admin.importAccount(
          owner,
          { ...dump, commits: dump.commits.map((commit) => ({ ...commit, at })) },
          options,
        );
      },
    },
  })),
  wrapping("an account is one page, cut off", ["R6"], (sound) => ({
    admin: {
      ...adminOf(sound),
      exportAccount: async (owner, options): Promise<AccountPage | undefined> => {
        const page = await sound.admin.exportAccount(owner, options);
        return page && { ...page, next: undefined };
      },
    },
  })),
  wrapping("an account is taken in as it comes", ["R8"], (sound) => ({
    admin: {
      ...adminOf(sound),
      importAccount: async (owner, dump, options) => {
        try {
          await sound.admin.importAccount(owner, dump, options);
        } catch (error) {
          if (!isHoldfastError(error, "INVALID_ARGUMENT")) throw error;
        }
      },
    },
  })),
];
