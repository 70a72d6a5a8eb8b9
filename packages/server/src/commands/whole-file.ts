import { randomBytes } from "node:crypto";
import { type FileHandle, link, lstat, open, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HoldfastError, isHoldfastError } from "holdfast/contract";

/** What file systems without hard links say to one: FAT, and some network and FUSE file systems. */
const linkless = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL"];

const pieceLength = 64 * 1024;

/**
 * A file that appears under its name whole or not at all, also if the process or the machine dies, and never in place of
 * another. Until then what is written lies beside it, in `holdfast-export-….part`, which only a kill leaves behind. Only its
 * owner may read either. Where a file system has no hard links the name is empty for the moment before it is whole.
 */
export class WholeFile implements AsyncDisposable {
  readonly #path: string;
  readonly #part: string;
  readonly #file: FileHandle;
  readonly #link: typeof link;

  private constructor(path: string, part: string, file: FileHandle, makeLink: typeof link) {
    this.#path = path;
    this.#part = part;
    this.#file = file;
    this.#link = makeLink;
  }

  /** Throws `CONFIGURATION` where there is something of that name, and where no file can be made beside it. */
  static async begin(path: string, makeLink: typeof link = link): Promise<WholeFile> {
    const part = join(dirname(path), `holdfast-export-${randomBytes(8).toString("hex")}.part`);
    try {
      const there = await lstat(path).catch((error: unknown) => {
        if (!isCode(error, "ENOENT")) throw error;
      });
      if (there !== undefined) throw isThere(path);
      return new WholeFile(path, part, await open(part, "wx", 0o600), makeLink);
    } catch (cause) {
      if (isHoldfastError(cause)) throw cause;
      const reason = isCode(cause, "ENOENT", "ENOTDIR") ? `there is no folder ${dirname(path)}` : reasonOf(cause);
      throw new HoldfastError("CONFIGURATION", `${path} cannot be made: ${reason}`, { cause });
    }
  }

  /** Writes all of it, and gives it its name once the disk has it. Throws `UNAVAILABLE` where the disk will not, and `CONFIGURATION` where somebody took the name meanwhile. */
  async fill(content: AsyncIterable<string>): Promise<void> {
    try {
      await writeFile(this.#file, inPieces(content));
      await this.#file.sync();
      await this.#name();
      await syncFolder(dirname(this.#path));
    } catch (cause) {
      if (isHoldfastError(cause)) throw cause;
      throw new HoldfastError("UNAVAILABLE", `${this.#path} cannot be written: ${reasonOf(cause)}`, { cause });
    }
  }

  /** Leaves nothing beside the file, nor of one that was not finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    await rm(this.#part, { force: true });
  }

  async #name(): Promise<void> {
    try {
      await this.#link(this.#part, this.#path);
    } catch (error) {
      if (isCode(error, "EEXIST")) throw isThere(this.#path, error);
      if (!isCode(error, ...linkless)) throw error;
      await this.#rename();
    }
  }

  /** Renaming would replace what is there: the name is taken first, as only one can. */
  async #rename(): Promise<void> {
    try {
      await (await open(this.#path, "wx", 0o600)).close();
    } catch (error) {
      throw isCode(error, "EEXIST") ? isThere(this.#path, error) : error;
    }
    try {
      await rename(this.#part, this.#path);
    } catch (error) {
      await rm(this.#path, { force: true });
      throw error;
    }
  }
}

/** Not a call of the system for each line. */
async function* inPieces(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = "";
  for await (const line of lines) {
    piece += line;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = "";
  }
  yield piece;
}

/** Windows opens no folder, and writes its entries down by itself. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === "win32") return;
  await using folder = await open(path, "r");
  await folder.sync();
}

function isThere(path: string, cause?: unknown): HoldfastError {
  return new HoldfastError("CONFIGURATION", `${path} is there already, and nothing is overwritten; name another file`, {
    cause,
  });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
