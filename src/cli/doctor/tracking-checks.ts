import { BY_NETFILTER, EVENTS_SETTING, IN_BRIDGE } from '../../adapters/bridge/tracking.ts';
import { type Check, type Finding, ok, problem, type Surroundings, warning } from './finding.ts';

/** Whether this host can know who talks to bridged guests: without it none of them is put to sleep for being idle. */

const SETTINGS = '/proc/sys/net/netfilter';
const KEPT_S = 'nf_conntrack_tcp_timeout_established';
const TAKES_UP = 'nf_conntrack_tcp_loose';
/** Programs that look whether their peer is still there do so after two hours of silence, as a rule, eleven minutes long. */
const KEPT_MIN_S = 7_875;
/** Five days: the kernel's own. */
const KEPT_DEFAULT_S = 432_000;
const NOBODY_SLEEPS = 'Nobody knows who talks to guests, so none of them is put to sleep for being idle.';

export const checkTracking: Check = async ({ config, run }) => {
  if (config.bridge === null) return [];
  return [await lookAtEvents(run), await lookBetweenGuests(run), await lookAtForgetting(run)];
};

async function lookAtEvents(run: Surroundings['run']): Promise<Finding> {
  const is = async (what: '-e' | '-w'): Promise<boolean> => (await run('test', [what, EVENTS_SETTING])).status === 0;
  if (await is('-w')) return ok('tracking', 'the kernel can tell who talks to guests');
  if (await is('-e')) {
    const remedy = 'As root, where it can be written: sysctl -w net.netfilter.nf_conntrack_events=1';
    return problem('tracking', `${EVENTS_SETTING} cannot be written`, NOBODY_SLEEPS, remedy);
  }
  const { status } = await run('modprobe', ['--dry-run', '--quiet', 'nf_conntrack']);
  if (status === 0) return ok('tracking', 'the module nf_conntrack is there, and loaded at the first start');
  const remedy = 'As root: modprobe nf_conntrack. In a container, on its host; else take a kernel that has it.';
  return problem('tracking', 'the kernel tracks no connections: nf_conntrack is not there', NOBODY_SLEEPS, remedy);
}

/** What a kernel has forgotten, or never took up, looks like silence. */
async function lookAtForgetting(run: Surroundings['run']): Promise<Finding> {
  const check = 'silent connections';
  const setting = async (name: string): Promise<number | null> => {
    const { status, stdout } = await run('cat', [`${SETTINGS}/${name}`]);
    return status === 0 && /^\d+$/.test(stdout.trim()) ? Number(stdout) : null;
  };
  const [keptS, takesUp] = [await setting(KEPT_S), await setting(TAKES_UP)];
  const means = 'A guest may be put to sleep under a connection over which nothing is said for longer.';
  if (keptS !== null && keptS < KEPT_MIN_S) {
    const remedy = `As root: sysctl -w net.netfilter.${KEPT_S}=${KEPT_DEFAULT_S}`;
    return warning(check, `the kernel forgets one over which nothing is said for ${keptS} s`, means, remedy);
  }
  if (takesUp === 0) {
    const unseen =
      'A guest may be put to sleep under a connection that is older than that, or that was forgotten once.';
    const remedy = `As root: sysctl -w net.netfilter.${TAKES_UP}=1`;
    return warning(check, 'the kernel never takes up one that was open before it tracked any', unseen, remedy);
  }
  return ok(check, 'the kernel keeps open connections in mind over which nothing is said');
}

async function lookBetweenGuests(run: Surroundings['run']): Promise<Finding> {
  const check = 'between guests';
  const isTracked =
    (await run('nft', ['--check', IN_BRIDGE])).status === 0 || (await run('test', ['-e', BY_NETFILTER])).status === 0;
  if (isTracked) return ok(check, 'connections from guest to guest are tracked too');
  const means = 'A guest to which only other guests talk looks idle, and may be put to sleep under their connections.';
  const remedy =
    'As root: modprobe nf_conntrack_bridge; where the kernel has none, modprobe br_netfilter, which makes the host look ' +
    'at what goes through its other bridges, too.';
  return warning(check, 'the kernel has neither nf_conntrack_bridge nor br_netfilter', means, remedy);
}
