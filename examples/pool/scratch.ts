/** A file of a session, for pages it wants to look through again. It is removed when it is closed. */
import { randomUUID } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "holdfast";

const maxBytes = 16 * 1_048_576;

export class Scratch implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  #bytes = 0;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async create(folder: string): Promise<Scratch> {
    // Not the session's id: what is in the name of a file is read by everybody.
    const path = join(folder, `${randomUUID()}.txt`);
    return new Scratch(path, await open(path, "ax+", 0o600));
  }

  /** Adds to the end, and says how much there is. Of two at once each is whole. */
  async add(text: string): Promise<number> {
    const bytes = Buffer.from(`${text}\n`);
    if (this.#bytes + bytes.length > maxBytes) {
      throw new HoldfastError(
        "QUOTA_EXCEEDED",
        `a session keeps up to ${maxBytes} bytes of pages; end it and start another`,
      );
    }
    this.#bytes += bytes.length;
    await this.#file.appendFile(bytes);
    return this.#bytes;
  }

  /** The lines in which a word is. */
  async find(word: string, limit: number): Promise<readonly string[]> {
    const found: string[] = [];
    for await (const line of this.#file.readLines({ start: 0, autoClose: false })) {
      if (line.toLowerCase().includes(word.toLowerCase())) found.push(line);
      if (found.length >= limit) break;
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    await rm(this.#path);
  }
}
