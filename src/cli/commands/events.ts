import type { Command } from 'commander';
import { CliError, type Client } from '../client.ts';
import { follow } from '../follow.ts';
import { type HistoryRecord, historyLine, paintForTerminal } from '../history-lines.ts';
import type { Output } from '../output.ts';
import { addCommand, INSTANCES, queryOf } from './command.ts';

const PATH = '/v1/events';
const PAGE = 200;
/** Names of instances that are kept for the lines; past it they are asked for anew. */
const NAMES_MAX = 10_000;
const ID_SHOWN_CHARS = 10;

type FeedRecord = HistoryRecord & { readonly position: string };

export function addEvents(program: Command, output: Output): void {
  addCommand(program, 'events', 'the records of all instances in the order of the log', async (client, options) => {
    const query = queryOf(options, ['after', 'instance', 'type']);
    const nameOf = options.json === true ? null : namesOf(client);
    const print = async (text: string): Promise<void> => {
      if (nameOf === null) return output.line(text);
      const record = JSON.parse(text) as FeedRecord;
      output.line(`${(await nameOf(record)).padEnd(ID_SHOWN_CHARS)}  ${historyLine(record, paintForTerminal)}`);
    };
    if (options.follow === true) {
      for await (const { data } of follow(client, `${PATH}?${query}`, output.note)) await print(data);
    } else {
      for await (const record of pages(client, query)) await print(JSON.stringify(record));
    }
  })
    .option('-f, --follow', 'go on with what comes; without --after only that')
    .option('--after <cursor>', 'position of the last record seen, or `beginning`')
    .option('--instance <name>', 'only this instance')
    .option('--type <type>', 'type of event or fact, or how several begin: restart.');
}

async function* pages(client: Client, query: URLSearchParams): AsyncGenerator<FeedRecord> {
  for (let more = true; more; ) {
    query.set('limit', String(PAGE));
    const page = (await client.call('GET', `${PATH}?${query}`)) as {
      records: FeedRecord[];
      next: string;
      more: boolean;
    };
    yield* page.records;
    query.set('after', page.next);
    more = page.more;
  }
}

/** Names stand in no record but those that change the definition; one that is gone is shown by the start of its id. */
function namesOf(client: Client): (record: FeedRecord) => Promise<string> {
  const names = new Map<string, string>();
  const ask = async (stream: string): Promise<string> => {
    try {
      const view = (await client.call('GET', `${INSTANCES}/${stream}`)) as { name: string };
      return view.name;
    } catch (error) {
      if (error instanceof CliError) return stream.slice(0, ID_SHOWN_CHARS);
      throw error;
    }
  };
  return async (record) => {
    const { stream, definition } = record as FeedRecord & { definition?: { name: string } };
    const known =
      definition?.name ?? names.get(stream) ?? (stream.length < ID_SHOWN_CHARS ? stream : await ask(stream));
    if (names.size >= NAMES_MAX) names.clear();
    names.set(stream, known);
    return known;
  };
}
