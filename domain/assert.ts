/**
 * States what must hold. A failure is a bug in the program, never bad input: it ends the request or task and nobody
 * catches it to go on. Privacy: `expectation` names ids and states, never a phone number or text of a message.
 */
export function assert(condition: boolean, expectation: string): asserts condition {
  if (!condition) throw new Error(`Invariant broken: ${expectation}`);
}

/** Closes a `switch` over a closed set: the compiler refuses it while a member is left, and it throws if one slips in. */
export function assertNever(value: never, what: string): never {
  throw new Error(`Invariant broken: unexpected ${what}: ${JSON.stringify(value)}`);
}
