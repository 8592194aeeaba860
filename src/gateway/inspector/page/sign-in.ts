import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { signIn, signInProblem } from './session.ts';

export function SignIn(): VNode {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const field = new FormData(event.currentTarget as HTMLFormElement).get('token');
    if (typeof field === 'string' && field.trim() !== '') signIn(field.trim());
  };
  return html`
    <main class="sign-in">
      <h1>Statevisor inspector</h1>
      <p>
        A token of this daemon is needed. <code>statevisor inspect</code> prints an address that has it, and the daemon's
        own lies in the file <code>token</code> of its data directory.
      </p>
      <form onSubmit=${submit}>
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="off" spellcheck=${false} required autofocus />
        <button type="submit">Look</button>
      </form>
      <p role="alert" class="problem">${signInProblem.value}</p>
      <p class="hint">It is kept in this tab only, until the tab is closed.</p>
    </main>
  ` as VNode;
}
