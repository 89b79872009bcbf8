import { parsePolicy } from "../../domain/escalation-policy.ts";
import type { PolicyRules } from "../../domain/escalation-policy.ts";
import { InvalidInput } from "./errors.ts";
import type { Problem } from "./errors.ts";

/** @throws InvalidInput naming every bad field, each under `prefix` */
export function readRules(rules: unknown, prefix = ""): PolicyRules {
  const parsed = parsePolicy(rules);
  if (!parsed.ok) throw new InvalidInput(rulesProblems(rules, prefix));
  return parsed.rules;
}

/** What is wrong with a policy's rules, rules between its fields included. */
export function rulesProblems(rules: unknown, prefix = ""): readonly Problem[] {
  const parsed = parsePolicy(rules);
  if (parsed.ok) return [];
  return parsed.errors.map(({ path, rule }) => ({
    path: `${prefix}${path}`.replace(/\.$/, ""),
    code: "invalid",
    message: `${rule.charAt(0).toUpperCase()}${rule.slice(1)}.`,
  }));
}
