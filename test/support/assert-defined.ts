/** The value, or a failed test where a fixture lacks what the test is about. */
export function assertDefined<Value>(value: Value | null | undefined): Value {
  if (value === null || value === undefined) throw new Error("the fixture lacks a value");
  return value;
}
