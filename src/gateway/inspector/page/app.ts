import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { connection } from './fleet.ts';
import { FleetList } from './fleet-list.ts';
import { InstancePage } from './instance-page.ts';
import { addressOf, goTo, place, signOut, token } from './session.ts';
import { SignIn } from './sign-in.ts';

const CONNECTION_WORDS = {
  connecting: 'connecting',
  live: 'live',
  lost: 'not connected: what is shown may be old',
} as const;

export function App(): VNode {
  if (token.value === null) return html`<${SignIn} />` as VNode;
  const { instance } = place.value;
  const all = { instance: null, version: null };
  const home = (event: MouseEvent): void => {
    event.preventDefault();
    goTo(all);
  };
  return html`
    <header class="top">
      <a href=${addressOf(all)} onClick=${home}>Statevisor inspector</a>
      <span class="connection ${connection.value}" role="status">${CONNECTION_WORDS[connection.value]}</span>
      <button type="button" class="quiet" onClick=${() => signOut(null)}>Sign out</button>
    </header>
    ${instance === null ? html`<${FleetList} />` : html`<${InstancePage} key=${instance} instance=${instance} />`}
  ` as VNode;
}
