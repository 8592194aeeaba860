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
  const text = readFileSync(file, 'utf8');
  const block = new RegExp(`(<!-- transcript:${mark} -->\\n)([\\sS]*?)(<!-- /transcript:${mark} -->)`);
  const found = block.exec(text);
  if (found === null) throw new Error(`${path} has no marks for the transcript ${mark}.`);
  if (process.env.STATEVISOR_WRITE_TRANSCRIPTS === '1') {
    const fenced = `\n\`\`\`console\n${printed}\`\`\`\n\n`;
    writeFileSync(
      file,
      text.replace(block, (_all, open: string, _old, close: string) => `${open}${fenced}${close}`),
    );
    return { shown: normalised(printed), printed: normalised(printed) };
  }
  const shown = found[2]!.replaceAll(/^```.*$/gm, '');
  return { shown: normalised(shown), printed: normalised(printed) };
}
