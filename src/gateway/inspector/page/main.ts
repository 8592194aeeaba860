import { effect, untracked } from '@preact/signals';
import { html, render } from 'htm/preact';
import { App } from './app.ts';
import { followFleet } from './fleet.ts';
import { openSession, token } from './session.ts';

openSession();
effect(() => (token.value === null ? undefined : untracked(followFleet)));
render(html`<${App} />`, document.getElementById('app')!);
