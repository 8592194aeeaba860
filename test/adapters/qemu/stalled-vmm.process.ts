/**
 * A VMM that greets, takes the state of a guest, and is never done with it, as QEMU is with a source that stays empty; or that
 * has loaded it and refuses to let it go. Arguments: the manifest of the snapshot, whose VMM it says it is, and a file that
 * says `cont` for the latter.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { readManifest } from '../../../src/adapters/qemu/snapshots/manifest.ts';

const manifest = readManifest(readFileSync(process.argv[2] ?? '', 'utf8'));
if (typeof manifest === 'string') throw new Error(`the manifest is ${manifest}`);
const [major, minor, micro] = manifest.vmm.version.split('.').map(Number);
const refuses = readFileSync(process.argv[3] ?? '', 'utf8');
const answers: Readonly<Record<string, unknown>> = {
  'query-version': { qemu: { major, minor, micro }, package: '' },
  'qom-get': manifest.vmm.machine,
  'query-status': { status: 'paused', running: false, singlestep: false },
  'query-migrate': refuses === 'cont' ? { status: 'completed' } : {},
};

createServer((client) => {
  const say = (message: unknown): boolean => client.write(`${JSON.stringify(message)}\n`);
  say({ QMP: { version: {}, capabilities: [] } });
  client.on('error', () => {});
  createInterface(client).on('line', (line) => {
    const { execute, id } = JSON.parse(line) as { execute: string; id: number };
    const answer = (): boolean => say({ return: answers[execute] ?? {}, id });
    if (execute === refuses) return say({ error: { class: 'GenericError', desc: `no ${execute} here` }, id });
    if (execute !== 'migrate-incoming') return answer();
    const take = createServer((source) => source.resume().on('end', () => refuses !== '' && source.end()));
    return take.listen('loading.sock', answer);
  });
}).listen('qmp.sock');
