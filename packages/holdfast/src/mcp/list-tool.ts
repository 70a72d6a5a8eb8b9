/** The ready tool that lists the records of a kind: a client that has lost a handle finds it again. */
import type { McpServer } from "@modelcontextprotocol/server";
import * as z from "zod";
import type { ListedRecord, ListQuery } from "../state/types.ts";
import { paging, reading, register } from "./ready-tool.ts";
import { reply } from "./reply.ts";

type Listed = Omit<ListedRecord, "counters" | "heads">;
type Listing = {
  list(query: ListQuery): Promise<{ readonly records: readonly Listed[]; readonly next?: string | undefined }>;
};

const page = z.strictObject(paging);

export function registerList(
  server: McpServer,
  { kind, noun, words }: { readonly kind: string; readonly noun: string; readonly words: string },
  records: Listing,
): void {
  const describe = `Lists your records of the kind "${words}", newest first. A page may be short and yet have a \`next\`.`;
  register(server, `list_${noun}`, describe, reading, page, async ({ after, limit }) => {
    const { records: found, next } = await records.list({ limit, ...(after !== undefined && { after }) });
    return reply({ records: found.map((record) => listed(kind, record)), ...(next !== undefined && { next }) });
  });
}

function listed(kind: string, { id, name, version, fields, createdAt, updatedAt, expiresAt }: Listed): object {
  return {
    [kind]: id,
    ...(name !== undefined && { name }),
    version,
    ...(Object.keys(fields).length > 0 && { fields }),
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
    ...(expiresAt !== undefined && { expires_at: expiresAt.toISOString() }),
  };
}
