/** One client that goes on calling, through every outage, until it is told to stop. */
import { setTimeout as delay } from "node:timers/promises";

import { type Answer, type Arguments, type Caller, textOf } from "../clients/caller.ts";
import type { Random } from "../lib/random.ts";
import type { Ledger } from "./ledger.ts";

export type WorkerOptions = {
  readonly caller: Caller;
  /** Unique among the workers: idempotency keys are made of it. */
  readonly name: string;
  /** The caller's own session, used by naming none; undefined where the caller has to name one. */
  readonly own: string | undefined;
  /** Sessions that others write to as well. */
  readonly shared: readonly string[];
  readonly ledger: Ledger;
  readonly random: Random;
  /** Aborted once no new call shall begin. The call under way is still brought to its end. */
  readonly stop: AbortSignal;
  /** Ends even the call under way. */
  readonly deadline: AbortSignal;
};

export type WorkerReport = {
  readonly calls: number;
  /** Attempts that found nobody, or somebody who asked to try again. */
  readonly refused: number;
  /** Attempts cut off under way, so that nobody could tell whether they had taken effect. */
  readonly cutOff: number;
};

const counters = ["alpha", "beta"] as const;
const newSessionOneIn = 40;

/** Calls until stopped. Throws on the first answer that must not happen. */
export async function work(options: WorkerOptions): Promise<WorkerReport> {
  const { name, own, random, stop } = options;
  const sessions = [...options.shared, ...(own === undefined ? [] : [own, own])];
  const attempts = new Attempts(options);
  let calls = 0;
  while (!stop.aborted) {
    calls++;
    if (random.below(newSessionOneIn) === 0) {
      const made = await attempts.untilAnswered("create_session", { label: name });
      sessions.push(textOf(made, "session_id"));
    } else {
      await write(random.pick(sessions), `${name}/${calls}`, attempts, options);
    }
  }
  return { calls, refused: attempts.refused, cutOff: attempts.cutOff };
}

async function write(session: string, key: string, attempts: Attempts, options: WorkerOptions): Promise<void> {
  const { own, random, ledger } = options;
  const target: Arguments = session === own ? {} : { session_id: session };
  if (random.below(2) === 0) {
    const by = 1 + random.below(5);
    const name = random.pick(counters);
    const args = { ...target, name, by, idempotency_key: key };
    const value = numberOf(await attempts.untilAnswered("increment_counter", args), "value");
    ledger.incremented(session, name, { by, value });
  } else {
    const args = { ...target, action: "worked", details: { key }, idempotency_key: key };
    ledger.recorded(session, numberOf(await attempts.untilAnswered("record_action", args), "position"));
  }
}

/** Repeats a call, unchanged, until it is answered: what every client has to do whose server may die. */
class Attempts {
  refused = 0;
  cutOff = 0;
  readonly #caller: Caller;
  readonly #name: string;
  readonly #random: Random;
  readonly #deadline: AbortSignal;

  constructor({ caller, name, random, deadline }: WorkerOptions) {
    this.#caller = caller;
    this.#name = `${name} (${caller.name})`;
    // Of its own, so that how often a call was interrupted does not change what is called next.
    this.#random = random.fork();
    this.#deadline = deadline;
  }

  async untilAnswered(tool: string, args: Arguments): Promise<Readonly<Record<string, unknown>>> {
    for (;;) {
      this.#deadline.throwIfAborted();
      const answer = await this.#attempt(tool, args);
      if (answer?.ok === true) return answer.value;
      if (answer?.ok === false && !answer.fault.retryable) {
        throw new Error(`${this.#name}: ${tool} was refused: ${answer.fault.code}: ${answer.fault.message}`);
      }
      await delay(20 + this.#random.below(80));
    }
  }

  /** Undefined if the server could not answer. Throws what a living server must never say. */
  async #attempt(tool: string, args: Arguments): Promise<Answer | undefined> {
    try {
      return await this.#caller.call(tool, args);
    } catch (error) {
      const outage = outageOf(error);
      if (outage === undefined)
        throw new Error(`${this.#name}: ${tool} failed other than by an outage`, { cause: error });
      this[outage]++;
      return undefined;
    }
  }
}

/** What an error says about the server; undefined if a living one said it. */
function outageOf(error: unknown): "refused" | "cutOff" | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const code = "code" in at ? String(at.code) : "";
    if (/ECONNREFUSED/.test(`${code} ${at.message}`) || /\b503\b/.test(at.message)) return "refused";
    if (/ECONNRESET|EPIPE|UND_ERR_SOCKET|terminated|other side closed/.test(`${code} ${at.message}`)) return "cutOff";
  }
  return undefined;
}

function numberOf(value: Readonly<Record<string, unknown>>, field: string): number {
  const number = value[field];
  if (typeof number !== "number") throw new Error(`"${field}" is not a number in ${JSON.stringify(value)}`);
  return number;
}
