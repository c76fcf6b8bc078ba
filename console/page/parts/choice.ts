/** A few filters of which one is chosen, each with an address of its own. */
import { h, type VNode } from '../dom.ts';

export interface Choice<T extends string> {
  readonly label: string;
  /** What can be chosen, and what it is called; the first is none. */
  readonly options: readonly (readonly [T | undefined, string])[];
  readonly chosen: T | undefined;
  readonly href: (value: T | undefined) => string;
}

export function choice<T extends string>({ label, options, chosen, href }: Choice<T>): VNode {
  return h(
    'div',
    { class: 'filters', role: 'group', 'aria-label': label },
    options.map(([value, text]) =>
      h(
        'a',
        { key: text, class: 'choice', href: href(value), 'aria-current': value === chosen ? 'true' : undefined },
        text,
      ),
    ),
  );
}
