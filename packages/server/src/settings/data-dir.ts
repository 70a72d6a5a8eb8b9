import { homedir } from "node:os";
import { posix, win32 } from "node:path";

export type Surroundings = {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
};

export function surroundings(): Surroundings {
  return { platform: process.platform, env: process.env, home: homedir() };
}

/** The file the default store keeps its records in: where each system wants a user's application data. */
export function defaultDatabasePath({ platform, env, home }: Surroundings): string {
  if (platform === "win32") {
    return win32.join(env["LOCALAPPDATA"] || win32.join(home, "AppData", "Local"), "holdfast", "state.db");
  }
  const xdg = env["XDG_DATA_HOME"];
  // The specification says that relative paths in XDG_DATA_HOME are to be ignored.
  if (xdg !== undefined && posix.isAbsolute(xdg)) return posix.join(xdg, "holdfast", "state.db");
  const base = platform === "darwin" ? ["Library", "Application Support"] : [".local", "share"];
  return posix.join(home, ...base, "holdfast", "state.db");
}
