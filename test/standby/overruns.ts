import { openOverrunScene } from './overrun.ts';

/** A long check: events of connections are lost twenty times while one client is connected; its guest never sleeps. */

const TIMES = 20;

const scene = await openOverrunScene();
let failed = 0;
try {
  for (let time = 1; time <= TIMES; time++) {
    const { losses, facts, state } = await scene.overrun();
    const good = losses[1] > losses[0] && !facts.includes('standby.entered') && state.includes('"lifecycle":"running"');
    failed += good ? 0 : 1;
    console.log(
      `${time}: ${losses[1] - losses[0]} lost, ${good ? 'awake' : `NOT AWAKE: ${state} ${facts.join(', ')}`}`,
    );
  }
  await scene.endAndAwaitSleep();
  console.log(`${TIMES - failed} of ${TIMES}: awake while the client was there. Asleep when it had gone.`);
} catch (error) {
  console.error(scene.story());
  throw error;
} finally {
  await scene.close();
}
process.exitCode = failed === 0 ? 0 : 1;
