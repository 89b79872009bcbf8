import { inspect } from "node:util";

const REDACTED = "[redacted]";

/**
 * A value that must not be printed. Every way of turning it into text gives `[redacted]`; the value itself is only
 * handed out by `reveal()`, so that each use can be searched for.
 */
export class Secret<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
