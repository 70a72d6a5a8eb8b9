/** What is said between a test and a process that has the store open. Sent with structured clones, so maps survive. */
export type Request =
  | { readonly id: number; readonly call: "open"; readonly args: readonly [path: string, ahead: number] }
  | { readonly id: number; readonly call: string; readonly args: readonly unknown[] }
  | { readonly abort: number };

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: Failure }
  | { readonly heard: number; readonly hint: string | undefined };

export type Failure = {
  readonly code: string | undefined;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
};
