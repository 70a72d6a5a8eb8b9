/** Redis in front of PostgreSQL: reads that may be a little old cost the database nothing. `tiered:redis://…,postgres://…` as a URL; needs both packages. */
export { type TieredOptions, tieredOptionsOf } from "./options.ts";
export { tieredStore } from "./store.ts";
