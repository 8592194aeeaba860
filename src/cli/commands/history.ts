import { type Command, Option } from 'commander';
import type { Client } from '../client.ts';
import { type HistoryRecord, historyLine, paintForTerminal } from '../history-lines.ts';
import type { Output } from '../output.ts';
import { addCommand, instancePath, queryOf, wholeNumber } from './command.ts';

const PAGE = 200;
/** Records that `--last` collects before it prints them, oldest first. */
const LAST_MAX = 10_000;
const FILTERS = ['since', 'until', 'type', 'actor', 'via', 'run'];

export function addHistory(program: Command, output: Output): void {
  addCommand(program, 'history <instance>', 'what happened to an instance', async (client, options, instance) => {
    const query = queryOf(options, FILTERS);
    const last = options.last as number | undefined;
    const limit = (last ?? options.limit ?? Number.POSITIVE_INFINITY) as number;
    query.set('order', last === undefined ? 'oldest' : 'newest');
    const records = historyOf(client, `${instancePath(instance)}/history`, query, limit);
    const print = (record: HistoryRecord): void =>
      output.line(options.json === true ? JSON.stringify(record) : historyLine(record, paintForTerminal));
    const newest: HistoryRecord[] = [];
    for await (const record of records) {
      if (last === undefined) print(record);
      else newest.push(record);
    }
    for (const record of newest.reverse()) print(record);
  })
    .addOption(
      new Option('--last <n>', 'only the newest n records, the oldest of them first')
        .argParser(wholeNumber(1, LAST_MAX))
        .conflicts('limit'),
    )
    .option('--limit <n>', 'at most n records', wholeNumber(1))
    .option('--since <time>', 'from this time on: 2026-01-01T12:00:00Z, or how long ago: 2h')
    .option('--until <time>', 'before this time')
    .option('--type <type>', 'type of event or fact, or how several begin: restart.')
    .option('--actor <name>', 'who asked')
    .option('--via <door>', 'through which door: http, nats, cli, simulate, system')
    .option('--run <n>', 'what concerns this run', wholeNumber(0));
}

async function* historyOf(
  client: Client,
  path: string,
  query: URLSearchParams,
  limit: number,
): AsyncGenerator<HistoryRecord> {
  let left = limit;
  for (let from: number | null | undefined; from !== null && left > 0; ) {
    const page = new URLSearchParams(query);
    page.set('limit', String(Math.min(PAGE, left)));
    if (from !== undefined) page.set('from', String(from));
    const answer = (await client.call('GET', `${path}?${page}`)) as { records: HistoryRecord[]; next: number | null };
    yield* answer.records;
    left -= answer.records.length;
    from = answer.next;
  }
}
