/** The pages of the admin door as plain sequences. */
import type { Owner } from "../record/record.ts";
import type { AccountPage, OwnedSummary, Store } from "../store/contract.ts";

const pageSize = 500;

export type WalkOptions = { readonly signal?: AbortSignal | undefined };

/**
 * Every owner that anything is known of.
 *
 * @example
 * for await (const owner of everyOwner(store)) console.log(owner, await store.usage(owner));
 */
export async function* everyOwner(store: Store, { signal }: WalkOptions = {}): AsyncGenerator<Owner> {
  let after: string | undefined;
  do {
    const page = await store.admin.owners({ limit: pageSize, after, signal });
    yield* page.owners;
    after = page.next;
  } while (after !== undefined);
}

export type RecordsOptions = WalkOptions & {
  /** Only records of this owner, in the order they were created. */
  readonly owner?: Owner | undefined;
  readonly kind?: string | undefined;
};

/**
 * Every record of any state.
 *
 * @example
 * for await (const { owner, id } of everyRecord(store, { kind: "basket" })) console.log(owner, id);
 */
export async function* everyRecord(
  store: Store,
  { owner, kind, signal }: RecordsOptions = {},
): AsyncGenerator<OwnedSummary> {
  let after: string | undefined;
  do {
    const page = await store.admin.scan({ limit: pageSize, after, owner, kind, signal });
    yield* page.records;
    after = page.next;
  } while (after !== undefined);
}

/**
 * What an owner has besides records, page by page; none for an owner nothing is known of.
 *
 * @example
 * for await (const page of accountPages(store, owner)) console.log(accountAsJson(page));
 */
export async function* accountPages(
  store: Store,
  owner: Owner,
  { signal }: WalkOptions = {},
): AsyncGenerator<AccountPage> {
  let after: string | undefined;
  do {
    const page = await store.admin.exportAccount(owner, { limit: pageSize, after, signal });
    if (page === undefined) return;
    yield page;
    after = page.next;
  } while (after !== undefined);
}
