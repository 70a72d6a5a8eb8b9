/** How to start a server that speaks over stdin and stdout. */
export type Command = {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
};

/** What a client needs to go on with a wire session that another one opened. */
export type Resume = { readonly sessionId: string; readonly protocolVersion: string };
