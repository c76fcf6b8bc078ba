/** Asks who is there. */
import type { App } from '../app.ts';
import { type Content, h } from '../dom.ts';
import { get, post } from '../live/request.ts';
import { problem } from '../parts/bits.ts';

export class SignIn {
  error: string | undefined;
  isBusy = false;
  kind: 'console-token' | 'kubernetes' | undefined;
  #isAsked = false;

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
    post('sign-in', { token }).then(
      () => {
        this.isBusy = false;
        onDone();
      },
      (error: unknown) => {
        this.isBusy = false;
        this.error = error instanceof Error ? error.message : String(error);
        app.needsSignIn = true;
        app.changed();
      },
    );
  }
}

export function signInView(app: App, signIn: SignIn, onDone: () => void): Content {
  signIn.ask(app);
  const isKubernetes = signIn.kind === 'kubernetes';
  const onsubmit = (event: SubmitEvent) => {
    event.preventDefault();
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
