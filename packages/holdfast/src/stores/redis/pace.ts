/** A batch waits for the one before the last so long. */
const patienceMs = 20;

/**
 * When the next batch of calls is sent: while the last one is under way, so that neither side waits for the other, but
 * not before the one before that is over, so that what is in flight together is sent together. Nobody waits for long: a
 * call that takes its time holds up its own callers only.
 */
export class Pace {
  readonly #underWay = new Set<Promise<void>>();
  #sent: Promise<unknown> = Promise.resolve();

  /** Takes calls that were just sent, which never reject. Resolves when it is time for the next. */
  async keep(calls: readonly Promise<void>[]): Promise<void> {
    for (const call of calls) {
      this.#underWay.add(call);
      void call.then(() => this.#underWay.delete(call));
    }
    const before = this.#sent;
    this.#sent = Promise.all(calls);
    await atMost(patienceMs, before);
  }

  /** Resolves once no call is under way. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }
}

async function atMost(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
