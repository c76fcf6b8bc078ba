/** Asks who is there, and lets them go. */
import type { App } from '../app.ts';
import { type Content, h } from '../dom.ts';
import { get, messageOf, post } from '../live/request.ts';
import { problem } from '../parts/bits.ts';

export class SignIn {
  error: string | undefined;
  isBusy = false;
  kind: 'console-token' | 'kubernetes' | undefined;
  #isAsked = false;
  /** Of who comes and who goes, one after the other: a cookie that is taken back late would be the next one's. */
  #last: Promise<unknown> = Promise.resolve();
  #turn = 0;

  ask(app: App): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    get<{ kind: 'console-token' | 'kubernetes' }>('sign-in').then(
      ({ kind }) => {
        this.kind = kind;
        app.changed();
      },
      () => {
        this.#isAsked = false;
      },
    );
  }

  enter(app: App, token: string, onDone: () => void): void {
    this.isBusy = true;
    this.error = undefined;
    app.changed();
    this.#inTurn(
      () => post('sign-in', { token }),
      (failed) => {
        this.isBusy = false;
        if (failed === undefined) return onDone();
        this.error = failed;
        app.needsSignIn = true;
        app.changed();
      },
    );
  }

  leave(app: App): void {
    this.#inTurn(
      () => post('sign-out', {}),
      (failed) => {
        if (failed === undefined) return;
        this.error = `The session goes on at the server. ${failed} Load the page again and sign out again.`;
        app.changed();
      },
    );
  }

  /** What it comes to is said unless something else has been asked for meanwhile. */
  #inTurn(ask: () => Promise<unknown>, onEnd: (failed: string | undefined) => void): void {
    this.#turn += 1;
    const turn = this.#turn;
    const end = (failed?: string) => turn === this.#turn && onEnd(failed);
    this.#last = this.#last.then(ask).then(
      () => end(),
      (error: unknown) => end(messageOf(error)),
    );
  }
}

export function signInView(app: App, signIn: SignIn, onDone: () => void): Content {
  signIn.ask(app);
  const isKubernetes = signIn.kind === 'kubernetes';
  const onsubmit = (event: SubmitEvent) => {
    event.preventDefault();
    // The button may not show yet that it was pressed.
    if (signIn.isBusy) return;
    const data = new FormData(event.target as HTMLFormElement);
    signIn.enter(app, String(data.get('token') ?? '').trim(), onDone);
  };
  return h(
    'main',
    { class: 'sign-in', id: 'main' },
    h(
      'form',
      { onsubmit },
      h('h1', { tabindex: -1 }, 'Sign in'),
      isKubernetes
        ? h(
            'p',
            {},
            'With a token of the cluster, of somebody who may read sites here: ',
            h('code', {}, 'kubectl create token NAME'),
          )
        : h('p', {}, 'With the token that ', h('code', {}, 'skuprt console'), ' has printed.'),
      h(
        'label',
        {},
        'Token',
        h('input', {
          name: 'token',
          type: 'password',
          required: true,
          autocomplete: 'current-password',
          shown: (field: HTMLInputElement) => queueMicrotask(() => field.focus()),
        }),
      ),
      problem(signIn.error),
      h('button', { class: 'primary', disabled: signIn.isBusy }, signIn.isBusy ? 'Signing in…' : 'Sign in'),
    ),
  );
}
