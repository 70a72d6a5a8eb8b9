/** The part of a hold that serving sessions needs. */
export type { ServingHold as SessionHold } from "../../state/serving-hold.ts";
