/** The store for tests and for what may be lost: records in the memory of one process. `memory:` as a URL. */
export { type MemoryStoreOptions, memoryDefaults } from "./options.ts";
export { memoryStore } from "./store.ts";
