import { proberContract } from '../../contracts/prober.contract.ts';
import { httpWorld } from './prober-worlds.ts';

proberContract('the HTTP prober, asking a guest at its address,', () => httpWorld('bridged', 'http'));
proberContract('the HTTP prober, asking a guest behind a forward,', () => httpWorld('forwarded', 'http'));
proberContract('the HTTP prober, asking over TLS,', () => httpWorld('bridged', 'https'));
