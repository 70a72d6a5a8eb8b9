/** Places of streams that a test takes away, or that nobody can count. */
import { OwnPlaces, type Places } from "./slots.ts";

export type LosablePlaces = Places & {
  /** Thrown at whoever asks for one. */
  failure: Error | undefined;
  /** Others have all of them from here on. */
  loseAll(): void;
};

export function losablePlaces(max: number): LosablePlaces {
  const own = new OwnPlaces(max);
  const cuts: (() => void)[] = [];
  return {
    failure: undefined,
    async take(owner) {
      if (this.failure !== undefined) throw this.failure;
      const place = own.take(owner);
      return place && { ...place, whenLost: (cut) => void cuts.push(cut) };
    },
    loseAll: () => {
      for (const cut of cuts.splice(0)) cut();
    },
    elsewhere: () => own.elsewhere(),
    close: () => own.close(),
  };
}
