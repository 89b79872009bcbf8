import fc from "fast-check";

/** One seed for every property, so that a run that was green stays green; another one with `SIAGA_TEST_SEED`. */
const SEED = Number(process.env["SIAGA_TEST_SEED"] ?? 4_821);
if (!Number.isInteger(SEED)) throw new Error("SIAGA_TEST_SEED is a whole number");

fc.configureGlobal({ seed: SEED });
