import { type RequestStateKey, type SealingKey, sealingKey } from "../../security/request-state.ts";

/** Where the keys that seal come from. */
export interface KeyRing {
  /** The key that seals now. */
  newest(): Promise<SealingKey>;
  /** Undefined if there is no such key, or none any more. */
  find(id: string): Promise<SealingKey | undefined>;
}

/** Keys that whoever runs the server keeps. */
export function givenKeys(keys: readonly RequestStateKey[]): KeyRing {
  const ring = keys.map(sealingKey);
  return {
    newest: async () => {
      const [first] = ring;
      if (first === undefined) throw new Error("no key was given");
      return first;
    },
    find: async (id) => ring.find((key) => key.id === id),
  };
}
