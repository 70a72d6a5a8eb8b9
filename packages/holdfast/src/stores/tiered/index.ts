export { type TieredOptions, tieredOptionsOf } from "./options.ts";
export { tieredStore } from "./store.ts";
