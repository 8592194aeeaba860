import type { CommandRunner, Ran } from '../../../src/adapters/bridge/command-runner.ts';

/** A runner that runs nothing: it keeps every command and answers as a host on which there is nothing yet. */
export interface Recording {
  readonly run: CommandRunner;
  /** Each command with its input: the lines of a batch one by one, what `nft` is given as `verb kind name`. */
  readonly commands: string[];
}

const DONE: Ran = { status: 0, stdout: '', stderr: '', missing: false };
const NO_TABLE: Ran = { ...DONE, status: 1, stderr: 'Error: No such file or directory' };

/** `answer` may answer a command in its own way; it is given the command as it stands in `commands`. */
export function recordingRunner(answer: (command: string) => Partial<Ran> | null = () => null): Recording {
  const commands: string[] = [];
  const run: CommandRunner = async (program, args, input = '') => {
    const words = [program, ...args].join(' ');
    const said = [words, ...linesOf(program, input)];
    commands.push(...said);
    for (const command of said) {
      const own = answer(command);
      if (own !== null) return { ...DONE, ...own };
    }
    if (program === 'cat') return { ...DONE, stdout: '2\n' };
    return program === 'nft' && args.includes('list') ? NO_TABLE : DONE;
  };
  return { run, commands };
}

function linesOf(program: string, input: string): string[] {
  if (input === '') return [];
  if (program === 'tee') return [`write ${input.trimEnd()}`];
  if (program === 'ip') return input.trimEnd().split('\n');
  const { nftables } = JSON.parse(input) as {
    nftables: Record<string, Record<string, { name?: string; family?: string; chain?: string }>>[];
  };
  return nftables.flatMap((command) =>
    Object.entries(command).flatMap(([verb, things]) =>
      Object.entries(things).map(([kind, { name, chain, family }]) => `${verb} ${kind} ${family} ${name ?? chain}`),
    ),
  );
}

/** What `ip` prints about the bridge and the tap of a network that is as it should be. */
export function linksOf(...links: readonly Record<string, unknown>[]): string {
  return JSON.stringify(links);
}
