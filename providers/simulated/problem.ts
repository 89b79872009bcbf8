/** A request to the sandbox that can't be done; the control API tells it as problem+json. */
export class SandboxProblem extends Error {
  override readonly name = "SandboxProblem";
  readonly status: number;
  /** Stable, snake_case. */
  readonly code: string;
  readonly errors: readonly FieldError[];

  constructor(status: number, code: string, detail: string, errors: readonly FieldError[] = []) {
    super(detail);
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
}

export type FieldError = {
  readonly path: string;
  readonly code: string;
  readonly message: string;
};
