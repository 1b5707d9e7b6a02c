import type { EngineName } from './engine.ts';
import type { Goal, Row, Unit } from './row.ts';
import { median } from './statistics.ts';

export interface RowResult {
  readonly row: Row;
  /** All samples, in the order in which they were taken. */
  readonly samples: Readonly<Partial<Record<EngineName, readonly number[]>>>;
  readonly error?: string;
}

export interface ReportLine {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
  readonly medians: Readonly<Partial<Record<EngineName, number>>>;
  /** Gantry's median to dockerd's, where both were measured. */
  readonly ratio: number | undefined;
  readonly goal: string;
  readonly verdict: 'ok' | 'miss' | '';
  readonly error?: string;
}

/** A row's medians, its ratio and whether the goal is reached. */
export function summarize({ row, samples, error }: RowResult): ReportLine {
  const medians = Object.fromEntries(
    Object.entries(samples).map(([name, values]) => [name, median(values)]),
  ) as Partial<Record<EngineName, number>>;
  const { gantry, dockerd } = medians;
  const ratio = gantry !== undefined && dockerd !== undefined && row.unit !== 'ratio' ? gantry / dockerd : undefined;
  const reached = row.goal === undefined ? undefined : isReached(row.goal, gantry, ratio);
  const verdict = reached === undefined ? '' : reached ? 'ok' : 'miss';
  const { id, title, unit } = row;
  return { id, title, unit, medians, ratio, goal: printGoal(row.goal, row.unit), verdict, ...(error ? { error } : {}) };
}

function isReached(goal: Goal, value: number | undefined, ratio: number | undefined): boolean | undefined {
  switch (goal.kind) {
    case 'ratio':
      return ratio === undefined ? undefined : ratio <= goal.atMost;
    case 'ratioAtLeast':
      return ratio === undefined ? undefined : ratio >= goal.value;
    case 'atMost':
      return value === undefined ? undefined : value <= goal.value;
    case 'atLeast':
      return value === undefined ? undefined : value >= goal.value;
    default:
      return goal satisfies never;
  }
}

function printGoal(goal: Goal | undefined, unit: Unit): string {
  if (goal === undefined) return '';
  if (goal.kind === 'ratio') return `≤ ${goal.atMost.toFixed(2)} ×`;
  if (goal.kind === 'ratioAtLeast') return `≥ ${goal.value.toFixed(2)} ×`;
  return `${goal.kind === 'atMost' ? '≤' : '≥'} ${goal.value}${unit === 'ms' || unit === 'MB' ? ` ${unit}` : ''}`;
}

/** The lines as a Markdown table, as docs/benchmarks.md holds it. */
export function printTable(lines: readonly ReportLine[], names: readonly EngineName[]): string {
  const header = ['what', ...names, 'ratio', 'goal', ''];
  const rows = lines.map((line) => [
    line.title,
    ...names.map((name) => printFigure(line.medians[name], line.unit)),
    line.ratio === undefined ? '' : line.ratio.toFixed(2),
    line.goal,
    line.error === undefined ? line.verdict : `failed: ${line.error.split('\n')[0]}`,
  ]);
  const print = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [print(header), print(header.map(() => '---')), ...rows.map(print)].join('\n');
}

function printFigure(value: number | undefined, unit: Unit): string {
  if (value === undefined) return '';
  if (unit === 'ratio') return value.toFixed(3);
  return unit === 'count' ? String(value) : `${value < 100 ? value.toFixed(1) : value.toFixed(0)} ${unit}`;
}
