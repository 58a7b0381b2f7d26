import type { Finding, Level } from './finding.ts';

const SIGNS: Readonly<Record<Level, string>> = { fine: '√', warning: '‼', fault: '×', unknown: '?' };

/** The exit codes: a warning alone is no failure. */
export const EXIT = { fine: 0, fault: 1, unknown: 2, usage: 64 } as const;

const count = (findings: readonly Finding[], level: Level): number =>
  findings.filter((finding) => finding.level === level).length;

/** The exit code for findings. */
export function exitCode(findings: readonly Finding[]): number {
  if (count(findings, 'fault') > 0) return EXIT.fault;
  return count(findings, 'unknown') > 0 ? EXIT.unknown : EXIT.fine;
}

function lineOf({ level, code, subject, says, todo, page }: Finding): string {
  const line = `${SIGNS[level]} ${code} ${subject}: ${says}\n`;
  return level === 'fine' ? line : `${line}    ${todo} (${page})\n`;
}

/** The report for people. */
export function asText(name: string, findings: readonly Finding[]): string {
  const levels = { fault: 'faults', warning: 'warnings', unknown: 'not checked' } as const;
  const sums = Object.entries(levels).map(([level, words]) => `${count(findings, level as Level)} ${words}`);
  return `${findings.map(lineOf).join('')}\n${name}: ${sums.join(', ')}.\n`;
}

/** The report for programs. */
export const asJson = (name: string, findings: readonly Finding[]): string =>
  `${JSON.stringify({ broker: name, exitCode: exitCode(findings), findings }, undefined, 2)}\n`;
