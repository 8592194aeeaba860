import { createServer } from 'node:net';
import { pinnedNode, programVersion } from '../daemon/program-version.ts';
import { isServed, readEndpoints } from '../data-directory.ts';
import { askDaemon } from './ask-daemon.ts';
import { type Check, type Finding, ok, problem, type Surroundings, warning } from './finding.ts';

/** The program itself, and a daemon that may be running. */

export const checkProgram: Check = async () => {
  const version = process.versions.node;
  const pinned = pinnedNode();
  const found = `Statevisor ${programVersion()} on Node ${version}`;
  if (version === pinned) return [ok('program', found)];
  const means = `It is tested on Node ${pinned}.`;
  return [warning('program', found, means, 'Start it with `npm start` or `npx statevisor`, which use that one.')];
};

export const checkDaemon: Check = async (around) => {
  const endpoints = readEndpoints(around.directory);
  if (endpoints === null) return [ok('daemon', 'none runs on this directory'), await checkAddress(around)];
  if (!isServed(endpoints)) {
    const found = `one with pid ${endpoints.pid} ended without saying so`;
    const means = 'It was killed. Its VMs run on, and nothing decides about them until the next start.';
    return [warning('daemon', found, means, 'Start it: `npm start`.'), await checkAddress(around)];
  }
  try {
    const host = (await askDaemon(endpoints, '/v1/host')) as Record<string, unknown> | null;
    // Every daemon has that: somebody else listens there.
    if (host === null) throw new Error('it answers with status 404');
    const { version, mode, instances } = host;
    const found = `pid ${endpoints.pid} answers at ${endpoints.http}: version ${version}, mode ${mode}`;
    return [ok('daemon', `${found}, ${instances} instances`)];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const found = `pid ${endpoints.pid} does not answer at ${endpoints.http} (${why})`;
    const means = 'Commands do not reach it; VMs run on.';
    return [problem('daemon', found, means, 'Look at what it logged; ending it with kill -9 does VMs no harm.')];
  }
};

/** Whether a daemon that is started now could listen where it is told to. */
function checkAddress({ config: { listen } }: Surroundings): Promise<Finding> {
  const address = `${listen.host}:${listen.port}`;
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => {
      const means = 'A daemon that is started now cannot listen there.';
      resolve(
        problem('address', `${address}: ${error.message}`, means, 'Choose another one with --listen; port 0 = any.'),
      );
    });
    server.listen(listen, () => server.close(() => resolve(ok('address', `${address} is free`))));
  });
}
