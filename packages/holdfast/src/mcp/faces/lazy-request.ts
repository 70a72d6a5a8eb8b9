/**
 * A web `Request` for a `node:http` request whose body has been read already. Building a real one costs as much as a
 * good part of serving a small call, and of it the server reads little more than the headers; so this one answers the
 * common questions itself and turns into a real `Request` for all others.
 *
 * It is an instance of `Request`, but it cannot be handed to `fetch()` or to `new Request()`: pass on its `clone()`.
 */
import type { IncomingMessage } from "node:http";

export type LazyRequestInit = {
  readonly message: IncomingMessage;
  readonly url: string;
  readonly signal: AbortSignal;
  /** The text of the body; undefined for methods without one. */
  readonly body: () => string | undefined;
};

class LazyRequest {
  readonly #init: LazyRequestInit;
  #headers: Headers | undefined;
  #whole: Request | undefined;

  constructor(init: LazyRequestInit) {
    this.#init = init;
  }

  get method(): string {
    return this.#init.message.method ?? "GET";
  }

  get url(): string {
    return this.#init.url;
  }

  get signal(): AbortSignal {
    return this.#init.signal;
  }

  get headers(): Headers {
    this.#headers ??= headersOf(this.#init.message);
    return this.#headers;
  }

  /** The real request behind it, made on first use. */
  whole(): Request {
    const body = this.#init.body();
    this.#whole ??= new Request(this.url, {
      method: this.method,
      headers: this.headers,
      signal: this.signal,
      ...(body === undefined ? {} : { body }),
    });
    return this.#whole;
  }
}

// Whatever else a `Request` can do, now or in a later runtime, is asked of the real one.
for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(Request.prototype))) {
  if (name in LazyRequest.prototype && name !== "toString") continue;
  Object.defineProperty(LazyRequest.prototype, name, delegate(name, property));
}
Object.setPrototypeOf(LazyRequest.prototype, Request.prototype);

export function lazyRequest(init: LazyRequestInit): Request {
  // It has all the members of a Request: four of its own, the others added above.
  return new LazyRequest(init) as unknown as Request;
}

function delegate(name: string, property: PropertyDescriptor): PropertyDescriptor {
  const read = (lazy: LazyRequest): unknown => Reflect.get(lazy.whole(), name);
  if (property.get !== undefined) {
    return {
      configurable: true,
      enumerable: property.enumerable ?? false,
      get(this: LazyRequest) {
        return read(this);
      },
    };
  }
  return {
    configurable: true,
    enumerable: property.enumerable ?? false,
    value(this: LazyRequest, ...given: readonly unknown[]) {
      const whole = this.whole();
      const method = read(this);
      // Everything on the prototype that is no getter is a method.
      return Reflect.apply(method as (...given: readonly unknown[]) => unknown, whole, given);
    },
  };
}

function headersOf(message: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    if (typeof value === "string") headers.set(name, value);
    else for (const one of value) headers.append(name, one);
  }
  return headers;
}
