/**
 * Ids of requests that servers send to clients. Every instance counts its own from 0, so they are renamed on the way
 * out to be unique in the fleet (trap F11): the client's answer may arrive at any node.
 */
import { mintSecret } from "../../../record/ids.ts";

const pattern = /^hf-[A-Za-z0-9]{12}-[0-9a-z]{1,12}$/;

export class FleetIds {
  /** Names this process among all that ever ran: twelve letters and digits, since it is a part of other ids. */
  readonly node: string = mintSecret(72).replaceAll(/[_-]/g, "x");
  #count = 0;

  /** Whether an id was made here. */
  isOwn(id: string): boolean {
    return id.startsWith(`hf-${this.node}-`);
  }

  next(): string {
    this.#count += 1;
    return `hf-${this.node}-${this.#count.toString(36)}`;
  }
}

/** Whether an id was made by some node of a fleet. */
export function isFleetId(id: unknown): id is string {
  return typeof id === "string" && pattern.test(id);
}
