import { ApplicationFailure } from "@temporalio/common";

import type { Activities } from "./contract.ts";

/**
 * Whatever an activity throws that is not meant for the workflow reaches Temporal as one fixed sentence and a code; the rest goes to the log.
 * Privacy: the text of a database or rendering error can quote a number or a message.
 */
export function withSafeErrors(
  activities: Activities,
  log: { readonly error: (fields: Record<string, unknown>, message: string) => void },
): Activities {
  const guarded = Object.entries(activities).map(([name, activity]) => [
    name,
    async (...input: unknown[]): Promise<unknown> => {
      try {
        return await callActivity(activity, input);
      } catch (error) {
        if (error instanceof ApplicationFailure || isCancelled(error)) throw error;
        log.error({ error, activity: name }, "an activity failed");
        throw ApplicationFailure.create({
          type: "internal",
          message: `${name} failed: ${codeOf(error)}`,
        });
      }
    },
  ]);
  return asActivities(Object.fromEntries(guarded));
}

/** Every activity is a function of its input; the contract's types were checked where it was made. */
function callActivity(activity: unknown, input: readonly unknown[]): Promise<unknown> {
  return (activity as (...args: readonly unknown[]) => Promise<unknown>)(...input);
}

/** The same names with the same functions behind them. */
function asActivities(guarded: unknown): Activities {
  return guarded as Activities;
}

function isCancelled(error: unknown): boolean {
  return (
    error instanceof Error && (error.name === "CancelledFailure" || error.name === "AbortError")
  );
}

/** SQLSTATE, Node's code or the error's class: never its text. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const code = "code" in error && typeof error.code === "string" ? ` ${error.code}` : "";
  return `${error.name}${code}`;
}
