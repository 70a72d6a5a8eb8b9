import { readFileSync, statSync } from "node:fs";
import { type Authenticate, publicAnonymous } from "holdfast";
import { HoldfastError } from "holdfast/contract";
import type { OAuth } from "holdfast/oauth";

import type { Settings } from "../settings/table.ts";
import { isLoopback } from "./loopback.ts";
import { parseTokenFile } from "./token-file.ts";
import { authenticateTokens } from "./tokens.ts";

export type ChosenAuthentication = {
  /** Absent: everyone is the local user. */
  readonly authenticate?: Authenticate;
  /** Answers those who ask where to get a token. */
  readonly metadata?: OAuth["metadata"];
  /** One line for whoever starts the server. */
  readonly summary: string;
  readonly warnings: readonly string[];
};

/** Who may call, as configured. Throws `CONFIGURATION` for a missing or broken file, and for an open door to the network. */
export async function chooseAuthentication(settings: Settings): Promise<ChosenAuthentication> {
  const { authTokens, authJwks, stdio, host } = settings;
  if (stdio) {
    const given = givenFor(settings);
    const warnings = given === undefined ? [] : [`${given} has no effect on stdio, where the caller is the local user`];
    return { summary: "none: the caller is the local user", warnings };
  }
  if (authTokens !== undefined) return fromFile(authTokens);
  if (authJwks !== undefined) {
    // Only who wants it has to load what verifies signatures.
    const { authenticateOAuth } = await import("./oauth.ts");
    return authenticateOAuth(settings, authJwks);
  }
  if (settings.publicAnonymous) return anybody;
  if (!isLoopback(host)) {
    throw new HoldfastError(
      "CONFIGURATION",
      `refusing to listen on ${host} without authentication: everyone who can reach it would be the same user. ` +
        "Give --auth-jwks or --auth-tokens, bind to 127.0.0.1, or say --public-anonymous, where each handle is its own owner and nothing is listed",
    );
  }
  return { summary: "none: everyone on this machine is the local user", warnings: [] };
}

const anybody: ChosenAuthentication = {
  authenticate: publicAnonymous,
  summary: "none: anybody who can reach this is served, and each handle is its own owner",
  warnings: [
    "everybody may store something: what one handle may take is limited, how many there are is not. Put a rate limit for each address in front",
  ],
};

function givenFor({ authTokens, authJwks, publicAnonymous: anonymous }: Settings): string | undefined {
  if (authTokens !== undefined) return "--auth-tokens";
  if (authJwks !== undefined) return "--auth-jwks";
  return anonymous ? "--public-anonymous" : undefined;
}

function fromFile(path: string): ChosenAuthentication {
  const entries = parseTokenFile(readTokenFile(path), path);
  const subjects = new Set(entries.map(({ principal }) => principal.subject)).size;
  return {
    authenticate: authenticateTokens(entries),
    summary: `tokens: ${entries.length} for ${subjects} ${subjects === 1 ? "principal" : "principals"}, from ${path}`,
    warnings: [
      ...(readableByOthers(path) ? [`others on this machine can read ${path}: chmod 600 it`] : []),
      ...(entries.some(({ token }) => token.length < 16)
        ? ["some tokens are under 16 characters and can be guessed"]
        : []),
    ],
  };
}

function readTokenFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new HoldfastError("CONFIGURATION", `the token file ${path} cannot be read: ${whyUnreadable(error)}`, {
      cause: error,
    });
  }
}

/** What is wrong with a file that was named, and what to do about it. */
function whyUnreadable(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") {
    return 'there is no such file; make one that holds { "<token>": { "subject": "alice" } }, or correct --auth-tokens';
  }
  if (code === "EACCES") return "this user may not read it; chown it to who runs holdfast";
  if (code === "EISDIR") return "it is a folder; name the file in it";
  return error instanceof Error ? error.message : String(error);
}

function readableByOthers(path: string): boolean {
  return process.platform !== "win32" && (statSync(path).mode & 0o004) !== 0;
}
