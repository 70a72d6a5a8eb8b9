/** The `WWW-Authenticate` header that tells a client what is wrong and where to get a token (RFC 6750, RFC 9728). */
export type Challenge = {
  /** Absent where no token was sent: then nothing is wrong yet. */
  readonly error?: "invalid_token" | "insufficient_scope";
  readonly description?: string;
  readonly scopes?: readonly string[];
  readonly resourceMetadata?: string | undefined;
};

export function bearerChallenge({ error, description, scopes = [], resourceMetadata }: Challenge): string {
  const parameters = [
    ["realm", "holdfast"],
    ["error", error],
    ["error_description", description],
    ["scope", scopes.length === 0 ? undefined : scopes.join(" ")],
    ["resource_metadata", resourceMetadata],
  ] as const;
  const written = parameters.flatMap(([name, value]) => (value === undefined ? [] : [`${name}="${quoted(value)}"`]));
  return `Bearer ${written.join(", ")}`;
}

/** What a quoted string may hold: a header is one line, whatever was asked for. */
function quoted(value: string): string {
  return value.replaceAll(/[^\x20-\x7e]/g, "").replaceAll(/["\\]/g, "\\$&");
}
