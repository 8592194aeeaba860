import { proberContract } from '../../contracts/prober.contract.ts';
import { tcpWorld } from './prober-worlds.ts';

proberContract('the TCP prober, asking a guest at its address,', () => tcpWorld('bridged'));
proberContract('the TCP prober, asking a guest behind a forward,', () => tcpWorld('forwarded'));
