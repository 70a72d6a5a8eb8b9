import type { ListResourcesCallback } from "@modelcontextprotocol/server";
import type { Principal } from "holdfast";

/** Callers whom nobody knows are listed nothing: what there is, is others' too. */
export function listedFor({ issuer }: Principal, list: ListResourcesCallback): ListResourcesCallback | undefined {
  return issuer === "anonymous" ? undefined : list;
}
