import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { connectionOptions } from '../daemon/nats-link.ts';
import { type Check, type Finding, ok, problem, warning } from './finding.ts';

/** The message server: the one that is named, or the one that would be started. */

const ANSWER_MAX_MS = 3_000;
const INSTALL = 'As root: apt-get install --no-install-recommends nats-server';

export const checkNats: Check = async ({ config, environment, run }) => {
  if (config.nats === 'off') return [ok('nats', 'off, as asked')];
  const named = config.nats === 'auto' ? environment.NATS_URL : config.nats;
  if (named !== undefined && named !== '') return [await lookAt(named)];
  const { status, stdout } = await run('nats-server', ['--version']);
  if (status === 0) return [ok('nats', `${stdout.trim()}: a private one is started with the daemon`)];
  const means = 'There is no NATS door; HTTP and the command line work without it.';
  return [warning('nats', 'nats-server is not there', means, INSTALL)];
};

async function lookAt(named: string): Promise<Finding> {
  let url: URL;
  try {
    url = new URL(named);
  } catch {
    return problem('nats', 'NATS_URL is no URL', 'The daemon does not start.', 'Set it to nats://HOST:PORT.');
  }
  try {
    // As the daemon would, except that it is tried once.
    const connection = await connect({ ...connectionOptions(url), timeout: ANSWER_MAX_MS, reconnect: false });
    try {
      const version = connection.info?.version ?? 'of an unknown version';
      await (await jetstreamManager(connection, { timeout: ANSWER_MAX_MS })).getAccountInfo();
      return ok('nats', `${url.host} answers: version ${version}, with JetStream`);
    } catch {
      const means = 'Records are published once and not kept for who listens later.';
      return warning('nats', `${url.host} answers, without JetStream`, means, 'Start it with -js, or allow it there.');
    } finally {
      await connection.close();
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const means = 'There is no NATS door until it answers; the daemon keeps trying.';
    return problem(
      'nats',
      `${url.host} cannot be reached: ${why}`,
      means,
      'Start that server, or name another with --nats.',
    );
  }
}
