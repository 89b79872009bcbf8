import type { Installation, InstallationOptions } from "./installation.ts";

/** One figure of the table, with its bare reference of the same run beside it. */
export interface Figure {
  readonly measure: string;
  readonly ours: string;
  /** Null: nothing bare does the same. */
  readonly reference: string | null;
  readonly target: string;
  /** Null: measured for information. */
  readonly isMet: boolean | null;
  /** The numbers behind the texts, units in the names. */
  readonly values: Readonly<Record<string, number>>;
}

export interface LineContext {
  /** A tenth of the work: tells the direction, not the figure. */
  readonly isQuick: boolean;
  readonly progress: (line: string) => void;
  /** A fresh installation for this line alone; ended with the line. */
  readonly install: (options?: Partial<InstallationOptions>) => Promise<Installation>;
}

/** A question that the bench answers. */
export interface Line {
  readonly name: string;
  readonly measure: (context: LineContext) => Promise<readonly Figure[]>;
}
