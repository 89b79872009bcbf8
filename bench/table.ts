import type { Figure } from "./line.ts";

const COLUMNS = ["measure", "ours", "reference (bare)", "target", ""] as const;
const SEPARATOR = "  ";

/** Plain text, columns aligned. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = [COLUMNS, ...figures.map(cellsOf)];
  const widths = COLUMNS.map((_, column) =>
    Math.max(...rows.map((row) => cell(row, column).length)),
  );
  const lines = rows.map((row) =>
    widths
      .map((width, column) => cell(row, column).padEnd(width))
      .join(SEPARATOR)
      .trimEnd(),
  );
  const rule = widths.map((width) => "-".repeat(width)).join(SEPARATOR);
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}

function cellsOf({ measure, ours, reference, target, isMet }: Figure): readonly string[] {
  return [measure, ours, reference ?? "", target, verdictOf(isMet)];
}

function verdictOf(isMet: boolean | null): string {
  if (isMet === null) return "";
  return isMet ? "met" : "NOT MET";
}

function cell(row: readonly string[], column: number): string {
  return row[column] ?? "";
}
