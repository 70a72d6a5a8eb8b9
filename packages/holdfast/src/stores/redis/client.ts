/** Scripts on whatever servers there are. */
import { Refused, translate } from "./failures.ts";
import type { Script, ScriptName } from "./scripts.ts";
import type { Topology } from "./topology.ts";

export class Client<Name extends string = ScriptName> {
  readonly topology: Topology;
  readonly #scripts: Readonly<Record<Name, Script>>;

  constructor(topology: Topology, scripts: Readonly<Record<Name, Script>>) {
    this.topology = topology;
    this.#scripts = scripts;
  }

  /**
   * Runs a script where its keys lie, all of which have one hash tag. Throws `OUTCOME_UNKNOWN` where it changes
   * something and no answer came.
   */
  async run(name: Name, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    const { text, digest, reads } = this.#scripts[name];
    const [route = ""] = keys;
    const given = [String(keys.length), ...keys, ...args];
    try {
      return await this.topology.send(route, ["EVALSHA", digest, ...given]);
    } catch (error) {
      // The server has forgotten it, or never had it. Nothing was carried out, and sending its text makes it known.
      if (!(error instanceof Refused) || error.word !== "NOSCRIPT") throw translate(error, reads);
    }
    try {
      return await this.topology.send(route, ["EVAL", text, ...given]);
    } catch (error) {
      throw translate(error, reads);
    }
  }

  /** One plain command that changes nothing which could be lost. */
  async ask(key: string, command: readonly string[]): Promise<unknown> {
    try {
      return await this.topology.send(key, command);
    } catch (error) {
      throw translate(error, true);
    }
  }
}
