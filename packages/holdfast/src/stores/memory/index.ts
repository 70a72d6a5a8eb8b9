export { type MemoryStoreOptions, memoryDefaults } from "./options.ts";
export { memoryStore } from "./store.ts";
