/** A memory of what was said: it analyses each new remark with what went before, in this session and in all earlier ones. */
import { type App, eventSourced, type Hold, holdfast, reply, type Session, serve } from "holdfast";
import { z } from "zod";

type Known = { readonly count: number; readonly first: number; readonly last: number };
type Memory = { remarks: number; words: Record<string, Known> };

/**
 * One per person, and only theirs. The log has every remark; the memory is what they come to. A snapshot is written now and then, so
 * that asking costs the same after ten remarks and after a hundred thousand.
 */
const Memory = eventSourced("memory", {
  scope: "principal",
  initial: (): Memory => ({ remarks: 0, words: {} }),
  events: { said: z.object({ text: z.string(), words: z.array(z.string()) }) },
  evolve: (memory, { payload, position }) => {
    memory.remarks += 1;
    for (const word of new Set(payload.words)) {
      const known = knownOf(memory, word);
      memory.words[word] = { count: (known?.count ?? 0) + 1, first: known?.first ?? position, last: position };
    }
  },
});

/** Not `words[word]`: every object has a "constructor". */
function knownOf({ words }: Memory, word: string): Known | undefined {
  return Object.hasOwn(words, word) ? words[word] : undefined;
}

const Remark = z.object({ text: z.string().min(1).max(4_000).describe("What was said.") });
const Topic = z.object({ word: z.string().min(1).max(60), limit: z.int().min(1).max(50).default(10) });

export type Memories = Hold<readonly [typeof Memory]>;

/** Opens the memories. The store is a URL such as `sqlite:./memory.db`. */
export function openMemories(store: string): Promise<Memories> {
  return holdfast({ store, kinds: [Memory] });
}

export function memories(hold: Memories): App {
  return serve(
    hold,
    { name: "memory", version: "1.0.0", instructions: "Call analyse with what the user says, before you answer." },
    (server, { state, session }) => {
      server.registerTool(
        "analyse",
        {
          description:
            "Remembers a remark, and says what of it is new, what has come up before and where this talk is going.",
          inputSchema: Remark,
        },
        async ({ text }) => {
          const words = wordsOf(text);
          // What the memory was before this remark, and the remark itself, in one step: nobody comes between.
          let before: Memory | undefined;
          const { position } = await state.memory.decide((memory) => {
            before = memory;
            return { type: "said", payload: { text: withoutNumbers(text), words } };
          });
          return reply({ position, ...judged(words, before), ...(await goingOn(words, session)) });
        },
      );

      server.registerTool(
        "recall",
        { description: "The newest remarks in which a word came up, and how often it did.", inputSchema: Topic },
        async ({ word, limit }) => {
          const [wanted = ""] = wordsOf(word);
          const { value } = await state.memory.get();
          const remarks: { position: number; at: Date; text: string }[] = [];
          for (let before: number | undefined; remarks.length < limit; ) {
            const page = await state.memory.history({ order: "newest", ...(before !== undefined && { before }) });
            const found = page.events.filter(({ payload }) => payload.words.includes(wanted));
            remarks.push(...found.map(({ position, at, payload }) => ({ position, at, text: payload.text })));
            if (page.next === undefined) break;
            before = page.next;
          }
          return reply({ word: wanted, count: knownOf(value, wanted)?.count ?? 0, remarks: remarks.slice(0, limit) });
        },
      );

      server.registerTool("forget", { description: "Forgets everything, for good." }, async () =>
        reply({ forgotten: await state.memory.destroy() }),
      );
    },
    // Turns are kept to know what this talk is about, not what the credit card's number was.
    { recordTurns: { redact: (turn) => ({ ...turn, input: redacted(turn.input), outputPreview: "" }) } },
  );
}

/** What is new, and what has come up before, the most often first. */
function judged(words: readonly string[], before: Memory | undefined): object {
  const known = words.flatMap((word) => {
    const seen = before && knownOf(before, word);
    return seen === undefined ? [] : [{ word, times: seen.count, since: seen.first, last: seen.last }];
  });
  return {
    fresh: words.filter((word) => before === undefined || knownOf(before, word) === undefined),
    familiar: known.sort((a, b) => b.times - a.times).slice(0, 10),
  };
}

/**
 * Where this talk is going: what its last remarks have in common with this one, from the turns that the session keeps, and a line about
 * it that the next call finds. Clients of the 2026-07-28 revision have no session; for them there is the memory alone.
 */
async function goingOn(words: readonly string[], session: Session | undefined): Promise<object> {
  if (session === undefined) return {};
  const turns = await session.recentContext(5);
  const earlier = turns.filter(({ tool, ok }) => tool === "analyse" && ok).map(({ input }) => wordsOf(textOf(input)));
  const thread = words.filter((word) => earlier.some((others) => others.includes(word)));
  const previous = await session.summary();
  const summary = thread.length > 0 ? `still about ${thread.join(", ")}` : `now about ${words.slice(0, 3).join(", ")}`;
  await session.summarize(summary);
  return { thread, summary, previous: previous ?? null };
}

function wordsOf(text: string): string[] {
  const words =
    withoutNumbers(text)
      .toLowerCase()
      .match(/\p{L}{4,}/gu) ?? [];
  return [...new Set(words)].slice(0, 200);
}

function withoutNumbers(text: string): string {
  return text.replaceAll(/\d[\d -]{6,}\d/g, "…");
}

function textOf(input: unknown): string {
  return typeof input === "object" && input !== null && "text" in input ? String(input.text) : "";
}

function redacted(input: unknown): unknown {
  return typeof input === "object" && input !== null && "text" in input
    ? { text: withoutNumbers(textOf(input)) }
    : input;
}
