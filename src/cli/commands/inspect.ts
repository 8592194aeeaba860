import type { Command } from 'commander';
import type { InstanceView } from '../../projections/instance-view.ts';
import type { Output } from '../output.ts';
import { addCommand, instancePath } from './command.ts';

const PAGE = '/inspector/';

export function addInspect(program: Command, output: Output): void {
  addCommand(
    program,
    'inspect [instance]',
    'the address of the page that shows the statecharts live',
    async (client, options, instance) => {
      const fields = new URLSearchParams();
      if (options.token !== false) fields.set('token', client.token);
      if (instance !== undefined) {
        const { name } = (await client.call('GET', instancePath(instance))) as InstanceView;
        fields.set('instance', name);
      }
      const fragment = fields.toString();
      const url = `${new URL(PAGE, client.url)}${fragment === '' ? '' : `#${fragment}`}`;
      output.line(options.json === true ? JSON.stringify({ url }) : url);
    },
  ).option('--no-token', 'without the token; the page asks for it');
}
