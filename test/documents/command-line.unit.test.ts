/**
 * Goal: the reference of the command line is what `--help` prints. Method: compared word for word.
 * `STATEVISOR_WRITE_TRANSCRIPTS=1` rewrites it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { makeProgram } from '../../src/cli/program.ts';
import { projectDir } from '../architecture/project-files.ts';

const FILE = join(projectDir, 'docs', 'reference', 'cli.md');
const BEGIN = '<!-- printed by --help -->\n';
const WIDTH = 110;

/** The help of a command and of everything below it, as parts of a document. */
function helpOf(command: Command, path: readonly string[]): string {
  const title = [...path, command.name()].join(' ');
  const help = command.configureHelp({ helpWidth: WIDTH }).helpInformation().trimEnd();
  const below = command.commands.map((sub) => helpOf(sub, [...path, command.name()]));
  return [`## ${title}\n\n\`\`\`text\n${help}\n\`\`\`\n`, ...below].join('\n');
}

test('every command and flag is in the reference as --help prints it', () => {
  const output = { line: () => {}, text: () => {}, note: () => {} };
  const printed = helpOf(makeProgram(output), []);
  const text = readFileSync(FILE, 'utf8');
  const [before = '', written] = text.split(BEGIN);
  if (process.env.STATEVISOR_WRITE_TRANSCRIPTS === '1') writeFileSync(FILE, `${before}${BEGIN}\n${printed}`);
  else expect(written?.trimStart()).toBe(printed);
  expect(printed).toContain('## statevisor image build-demo\n');
});
