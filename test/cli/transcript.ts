import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectDir } from '../architecture/project-files.ts';
import { normalised } from '../documents/normalise.ts';

/**
 * What a person types and sees, collected by a test and kept in a document between two marks. With
 * `STATEVISOR_WRITE_TRANSCRIPTS=1` the document is rewritten with what was really printed.
 */
export interface Transcript {
  /** One command and what it printed. */
  add(command: string, printed: string): void;
  /** A line for the reader. */
  remark(text: string): void;
  text(): string;
}

export function transcript(): Transcript {
  const lines: string[] = [];
  return {
    add: (command, printed) => {
      lines.push(`$ ${command}`);
      if (printed.trim() !== '') lines.push(printed.trimEnd());
    },
    remark: (text) => void lines.push(`# ${text}`),
    text: () => `${lines.join('\n')}\n`,
  };
}

/** What the document shows and what was printed, both normalised, for a test to compare. */
export function comparedWith(path: string, mark: string, printed: string): { shown: string; printed: string } {
  const file = join(projectDir, path);
  const [before, shown, after] = aroundMarks(readFileSync(file, 'utf8'), mark);
  if (process.env.STATEVISOR_WRITE_TRANSCRIPTS === '1') {
    writeFileSync(file, `${before}\n\`\`\`console\n${printed}\`\`\`\n\n${after}`);
    return { shown: normalised(printed), printed: normalised(printed) };
  }
  return { shown: normalised(shown.replaceAll(/^```.*$/gm, '')), printed: normalised(printed) };
}

/** A document cut at the marks of one transcript: up to and with the first, between them, from the second on. */
export function aroundMarks(text: string, mark: string): [string, string, string] {
  const open = `<!-- transcript:${mark} -->\n`;
  const from = text.indexOf(open) + open.length;
  const to = text.indexOf(`<!-- /transcript:${mark} -->`);
  if (from < open.length || to < from) throw new Error(`There are no marks for the transcript ${mark}.`);
  return [text.slice(0, from), text.slice(from, to), text.slice(to)];
}
