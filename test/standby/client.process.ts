/**
 * A client inside a network namespace. It keeps one connection to the echo of a guest, whose address is its argument, and
 * asks what it is told to: each line of JSON in, `{ say }` or `{ method, url, token }`, is answered by one.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const [address = ''] = process.argv.slice(2);
const echo = connect(7, address);
echo.on('error', () => {});
const closed = new Promise<[]>((resolve) => echo.once('close', () => resolve([])));

interface Line {
  readonly say?: string;
  readonly method?: string;
  readonly url?: string;
  readonly token?: string;
}

async function answer({ say, method = 'GET', url = '', token }: Line): Promise<unknown> {
  if (say !== undefined) {
    if (echo.destroyed) return { closed: true };
    echo.write(say);
    const [heard] = (await Promise.race([once(echo, 'data'), closed])) as [Buffer?];
    return heard === undefined ? { closed: true } : { heard: heard.toString() };
  }
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(url, { method, headers });
  return { status: response.status, text: await response.text() };
}

for await (const line of createInterface(process.stdin)) {
  const said = await answer(JSON.parse(line) as Line).catch((error: Error) => ({ failed: error.message }));
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
process.exit(0);
