/** Tokens that let other sites link to this one: which there are, and a new one. */
import type { TokenMade, TokenOrder, TokenView } from '../../model/api.ts';
import type { App } from '../app.ts';
import { type Content, h, type VNode } from '../dom.ts';
import { messageOf, post } from '../live/request.ts';
import { badge, problem, section, type Tone } from '../parts/bits.ts';
import { table } from '../parts/table.ts';
import { ago, dateTime, until } from '../text/format.ts';
import { matches } from '../text/search.ts';

const TONES: Readonly<Record<TokenView['status'], Tone>> = {
  waiting: 'good',
  used: 'dim',
  expired: 'dim',
  failed: 'bad',
};

/** What is being made, and what was made: a secret that was shown stays here until somebody leaves the page. Each user has their own. */
export class TokenForm {
  made: TokenMade | undefined;
  error: string | undefined;
  isBusy = false;
  copied: 'token' | 'command' | undefined;
}

export function tokensView(app: App, form: TokenForm): Content {
  const { value, error } = app.detail<readonly TokenView[]>('tokens');
  const rows = (value ?? []).filter(({ name, direction, status, message }) =>
    matches(app.words, [name, direction, status, message]),
  );
  const { now } = app;
  return [
    app.network.session.readOnly
      ? h(
          'p',
          { class: 'note' },
          'This console only shows. Tokens are made with ',
          h('code', {}, 'skuprt token create FILE'),
          '.',
        )
      : maker(app, form),
    form.made !== undefined && madeToken(app, form, form.made),
    problem(error),
    table(app, {
      name: 'tokens',
      label: 'Tokens',
      rows,
      key: ({ direction, name }) => `${direction} ${name}`,
      rowClass: ({ status }) => status,
      empty: value === undefined ? 'Asking…' : 'No token has been made or redeemed here.',
      columns: [
        { title: 'Token', sort: ({ name }) => name, of: ({ name }) => h('span', { class: 'mono' }, name) },
        {
          title: 'Direction',
          sort: ({ direction }) => direction,
          of: ({ direction }) => (direction === 'issued' ? 'issued here' : 'redeemed here'),
        },
        { title: 'Status', sort: ({ status }) => status, of: ({ status }) => badge(TONES[status], status) },
        {
          title: 'Used',
          class: 'num',
          sort: ({ redemptions }) => redemptions,
          of: ({ redemptions, redemptionsAllowed }) =>
            redemptionsAllowed === undefined ? redemptions : `${redemptions} of ${redemptionsAllowed}`,
        },
        {
          title: 'Made',
          class: 'num wide',
          sort: ({ createdAt }) => createdAt,
          of: ({ createdAt }) => h('span', { title: dateTime(createdAt) }, ago(createdAt, now)),
        },
        {
          title: 'Ends',
          class: 'num wide',
          sort: ({ expiresAt }) => expiresAt ?? 0,
          of: ({ expiresAt }) =>
            expiresAt !== undefined && h('span', { title: dateTime(expiresAt) }, until(expiresAt, now)),
        },
        { title: 'Message', class: 'wide', of: ({ message }) => message },
      ],
    }),
  ];
}

function maker(app: App, form: TokenForm): VNode {
  const onsubmit = (event: SubmitEvent) => {
    event.preventDefault();
    // The button may not show yet that it was pressed.
    if (form.isBusy) return;
    const data = new FormData(event.target as HTMLFormElement);
    const name = String(data.get('name') ?? '').trim();
    const expiry = String(data.get('expiry') ?? '').trim();
    make(app, form, {
      redemptions: Number(data.get('redemptions') ?? 1),
      ...(name && { name }),
      ...(expiry && { expiry }),
    });
  };
  return h(
    'form',
    { class: 'maker', onsubmit, 'aria-label': 'New token' },
    h('p', {}, 'A token lets another site link to this one. It is a secret until it is used.'),
    h(
      'div',
      { class: 'fields' },
      h(
        'label',
        {},
        'Name',
        h('input', {
          name: 'name',
          placeholder: 'chosen by itself',
          pattern: '[a-z0-9]([\\-a-z0-9]*[a-z0-9])?',
          maxlength: 63,
          autocomplete: 'off',
          spellcheck: 'false',
        }),
      ),
      h(
        'label',
        {},
        'Sites that may use it',
        h('input', { name: 'redemptions', type: 'number', min: 1, max: 1000, value: '1', required: true }),
      ),
      h(
        'label',
        {},
        'Good for',
        h(
          'select',
          { name: 'expiry' },
          [
            ['15m', '15 minutes'],
            ['1h', '1 hour'],
            ['24h', '1 day'],
            ['168h', '1 week'],
          ].map(([value, text]) => h('option', { key: value, value }, text)),
        ),
      ),
      h('button', { class: 'primary', disabled: form.isBusy }, form.isBusy ? 'Making…' : 'Make a token'),
    ),
    problem(form.error),
  );
}

function make(app: App, form: TokenForm, order: TokenOrder): void {
  Object.assign(form, { isBusy: true, error: undefined, copied: undefined });
  app.changed();
  const done = (result: Partial<TokenForm>) => {
    Object.assign(form, { isBusy: false }, result);
    app.forget('tokens');
    app.changed();
  };
  post<TokenMade>('tokens', order).then(
    (made) => done({ made }),
    (error: unknown) => done({ error: messageOf(error) }),
  );
}

function madeToken(app: App, form: TokenForm, made: TokenMade): VNode {
  const copyButton = (what: 'token' | 'command', text: string, label: string) =>
    h(
      'button',
      { onclick: () => copy(app, form, what, text), 'aria-label': label },
      form.copied === what ? 'Copied' : 'Copy',
    );
  const download = `data:application/yaml;charset=utf-8,${encodeURIComponent(made.token)}`;
  return h(
    'div',
    { class: 'made', key: 'made', role: 'status' },
    section(
      `Token ${made.name}`,
      h('p', {}, 'It is shown only now. Save it to a file, bring the file to the other site, and there:'),
      h(
        'div',
        { class: 'copy' },
        h('code', { class: 'command' }, made.command),
        copyButton('command', made.command, 'Copy the command'),
      ),
      h(
        'div',
        { class: 'copy' },
        h('pre', { tabindex: 0, 'aria-label': 'The token' }, made.token),
        copyButton('token', made.token, 'Copy the token'),
      ),
      h('p', {}, h('a', { class: 'button', href: download, download: `${made.name}.yaml` }, 'Save as a file')),
    ),
  );
}

function copy(app: App, form: TokenForm, what: 'token' | 'command', text: string): void {
  const done = () => {
    form.copied = what;
    app.changed();
  };
  const failed = () => {
    form.error = 'The browser does not let this page copy; mark the text and copy it.';
    app.changed();
  };
  // Without TLS and away from this machine, a browser has no clipboard for pages.
  if (navigator.clipboard === undefined) failed();
  else navigator.clipboard.writeText(text).then(done, failed);
}
