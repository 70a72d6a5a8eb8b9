/** Why a probe failed: nobody answered, or what was answered is wrong. */
export class ProbeFailure extends Error {
  override readonly name = "ProbeFailure";
  readonly kind: "unreachable" | "wrong";

  constructor(kind: "unreachable" | "wrong", message: string) {
    super(message);
    this.kind = kind;
  }
}

export function wrong(message: string): ProbeFailure {
  return new ProbeFailure("wrong", message);
}

export function unreachable(message: string): ProbeFailure {
  return new ProbeFailure("unreachable", message);
}
