/**
 * Goal: no record is missing, doubled or out of place in the stream, however often server and daemon die. Method: rounds of
 * writing, in each of which the server is killed, stopped, or the outbox begins again from a cursor that may be old, at
 * moments drawn from a seed. `node test/gateway/outbox-kills.ts [SEED]`; exits with 1 when the stream is not the log.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { seededRandom, systemClock } from '../../src/actors/clock.ts';
import { loadTold } from '../told-records.ts';
import { OutboxScene, type RecordsOutbox } from './outbox-world.ts';

const ROUNDS = 30;
const RECORDS_PER_ROUND = 1_500;
const PAUSE_MAX_MS = 150;
const SEED_DEFAULT = 2_026;

const clock = systemClock();
const seed = Number(process.argv[2] ?? SEED_DEFAULT);
const random = seededRandom(seed, clock);
const draw = (below: number): number => Number.parseInt(random.hex(4), 16) % below;

const scene = new OutboxScene();
const link = await scene.begin();
let open: RecordsOutbox = scene.open(link, seed);
let oldCursor: string | null = null;
const done = { kills: 0, stops: 0, restarts: 0, old_cursors: 0 };

/** The daemon begins again; now and then with a cursor that it kept a while ago. */
async function restartOutbox(): Promise<void> {
  await open.outbox.close();
  const kept = readFileSync(scene.cursorPath, 'utf8');
  if (oldCursor !== null && draw(2) === 0) {
    writeFileSync(scene.cursorPath, oldCursor);
    done.old_cursors += 1;
  }
  oldCursor = kept;
  open = scene.open(link, seed + done.restarts + 1);
  done.restarts += 1;
}

async function disturb(): Promise<void> {
  await clock.sleep(draw(PAUSE_MAX_MS));
  const what = draw(4);
  if (what === 0) return restartOutbox();
  if (what === 1) {
    scene.server.signal('SIGSTOP');
    await clock.sleep(draw(PAUSE_MAX_MS));
    scene.server.signal('SIGCONT');
    done.stops += 1;
    return undefined;
  }
  await scene.server.restart('SIGKILL');
  done.kills += 1;
}

/** For whoever has to find out why it failed. */
function tellWhatWas(): void {
  const { written } = scene.writer;
  const { told, outbox } = open;
  const facts = {
    written: written.length,
    ...done,
    nats: link.status(),
    outbox: outbox.status(),
    told,
    load: loadTold(),
  };
  process.stdout.write(`seed ${seed}: ${JSON.stringify(facts, null, 2)}\n`);
}

try {
  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all([scene.writer.appendMany(RECORDS_PER_ROUND, 20), disturb()]);
  }
  await scene.caughtUp(open);
} catch (error) {
  tellWhatWas();
  await scene.close();
  throw error;
}
const kept = (await scene.kept()).map(({ id }) => id);
const written = scene.writer.written.map(({ id }) => id);
const firstWrong = written.findIndex((id, index) => kept[index] !== id);
await scene.close();
process.stdout.write(
  `seed ${seed}: ${written.length} records, ${kept.length} in the stream, ${JSON.stringify(done)}\n`,
);
if (firstWrong >= 0 || kept.length !== written.length) {
  process.stdout.write(`the first that is missing, doubled or out of place: number ${firstWrong}\n`);
  tellWhatWas();
  process.exitCode = 1;
}
