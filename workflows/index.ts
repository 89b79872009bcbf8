/**
 * The SDK takes a stack trace for each promise of a run, which was a quarter of what a run costs its worker. Three frames are enough to find the place of an
 * error, and a supervisor reads what a run waits for in its current details.
 */
Error.stackTraceLimit = 3;

declare global {
  /** V8's own; the sandbox has no types of Node. */
  interface ErrorConstructor {
    stackTraceLimit: number;
  }
}

export { answer } from "./answer.ts";
export { ask } from "./ask.ts";
export { inventory } from "./inventory.ts";
export { notification } from "./notification.ts";
export { probe } from "./probe.ts";
export { sweep } from "./sweep.ts";
