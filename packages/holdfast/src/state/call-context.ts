/** Which tool call the code that runs belongs to. Found through the engine by whatever state the call touches. */
export type CallContext = {
  /** The tool's name, for reports. */
  readonly tool: string;
  /** Tells the call from all others. */
  readonly id: string;
  /** What the client calls itself. */
  readonly client?: string | undefined;
};
