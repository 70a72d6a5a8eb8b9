import { execFile } from "node:child_process";
import { promisify } from "node:util";

const timeoutMs = 300_000;

/** Runs npm in a folder. What it throws says what npm said. */
export async function runNpm(args: readonly string[], cwd: string): Promise<void> {
  // npm hands this setting to what it runs, and refuses to be handed it.
  const { npm_config_allow_scripts: _refused, ...env } = process.env;
  try {
    // A script there, which only a shell starts.
    await promisify(execFile)("npm", [...args], { cwd, env, timeout: timeoutMs, shell: process.platform === "win32" });
  } catch (cause) {
    const said = cause instanceof Error && "stderr" in cause ? String(cause.stderr).trim() : String(cause);
    throw new Error(`npm ${args.join(" ")} failed in ${cwd}: ${said}`, { cause });
  }
}
