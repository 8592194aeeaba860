/** Asks each address given as an argument for its health, all at once, and prints who answered, one line each. */

const ANSWER_LIMIT_MS = 5_000;

async function isWell(address: string): Promise<boolean> {
  try {
    const answer = await fetch(`http://${address}/health`, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    return answer.ok && (await answer.text()).includes('ok');
  } catch {
    return false;
  }
}

const addresses = process.argv.slice(2);
const well = await Promise.all(addresses.map(isWell));
for (const address of addresses.filter((_, index) => well[index])) process.stdout.write(`${address}\n`);
