/**
 * What is to be seen, as plain data, and the least change to the document that shows it. A view is a function of the state: `h` makes its
 * elements, `patch` brings the document to them and keeps what is there already (focus, scroll, a text being typed).
 * Nothing is ever parsed as HTML, so no text from the network can become markup.
 */
const SVG = 'http://www.w3.org/2000/svg';
const SVG_TAGS = new Set(['svg', 'g', 'path', 'circle', 'rect', 'line', 'text', 'tspan', 'title', 'polyline', 'use']);

export type Content = VNode | string | number | false | undefined | readonly Content[];
/** `on…` are listeners, `key` keeps an element its own among its siblings, `shown` is called once with the new element. */
export type Props = Readonly<Record<string, unknown>>;

export interface VNode {
  readonly tag: string;
  readonly key: string | undefined;
  readonly props: Props;
  readonly children: readonly (VNode | string)[];
}

const shownAs = new WeakMap<Node, VNode>();

export function h(tag: string, props: Props = {}, ...content: Content[]): VNode {
  const key = props.key === undefined ? undefined : String(props.key);
  return { tag, key, props, children: flat(content) };
}

/** Brings the children of `parent` to `content`. */
export function patch(parent: Element, ...content: Content[]): void {
  const focused = document.activeElement;
  patchChildren(parent, flat(content), parent.namespaceURI === SVG);
  // An element that was moved to another place loses the focus.
  const isLost = focused !== document.activeElement && focused !== null && focused.isConnected;
  if (isLost && focused !== document.body) (focused as HTMLElement).focus({ preventScroll: true });
}

function flat(content: readonly Content[], into: (VNode | string)[] = []): (VNode | string)[] {
  for (const item of content) {
    if (item === false || item === undefined || item === '') continue;
    if (typeof item === 'object' && !('tag' in item)) flat(item, into);
    else into.push(typeof item === 'number' ? String(item) : (item as VNode | string));
  }
  return into;
}

function patchChildren(parent: Element, next: readonly (VNode | string)[], inSvg: boolean): void {
  const keyed = new Map<string, ChildNode>();
  for (const node of parent.childNodes) {
    const key = shownAs.get(node)?.key;
    if (key !== undefined) keyed.set(key, node);
  }
  let cursor = parent.firstChild;
  for (const child of next) {
    const found = reusable(child, cursor, keyed);
    if (found !== undefined && found === cursor) cursor = cursor.nextSibling;
    const node = found ?? create(child, inSvg);
    if (found === undefined || node.nextSibling !== cursor || node.parentNode !== parent) {
      parent.insertBefore(node, cursor);
    }
    if (typeof child === 'string') {
      if (node.textContent !== child) node.textContent = child;
    } else update(node as Element, child);
  }
  while (cursor !== null) {
    const gone = cursor;
    cursor = cursor.nextSibling;
    gone.remove();
  }
}

function reusable(
  child: VNode | string,
  cursor: ChildNode | null,
  keyed: Map<string, ChildNode>,
): ChildNode | undefined {
  if (typeof child === 'string') return cursor?.nodeType === Node.TEXT_NODE ? cursor : undefined;
  if (child.key !== undefined) {
    const node = keyed.get(child.key);
    if (node === undefined || shownAs.get(node)?.tag !== child.tag) return undefined;
    keyed.delete(child.key);
    return node;
  }
  const shown = cursor === null ? undefined : shownAs.get(cursor);
  return cursor !== null && shown?.tag === child.tag && shown.key === undefined ? cursor : undefined;
}

function create(child: VNode | string, inSvg: boolean): ChildNode {
  if (typeof child === 'string') return document.createTextNode(child);
  const isSvg = child.tag === 'svg' || (inSvg && SVG_TAGS.has(child.tag)) || (inSvg && child.tag === 'a');
  const element = isSvg ? document.createElementNS(SVG, child.tag) : document.createElement(child.tag);
  update(element, child);
  const shown = child.props.shown as ((element: Element) => void) | undefined;
  shown?.(element);
  return element;
}

function update(element: Element, next: VNode): void {
  const before = shownAs.get(element)?.props ?? {};
  shownAs.set(element, next);
  for (const name of Object.keys(before)) if (!(name in next.props)) setProp(element, name, undefined);
  for (const [name, value] of Object.entries(next.props)) if (before[name] !== value) setProp(element, name, value);
  patchChildren(element, next.children, element.namespaceURI === SVG);
  // What is chosen must be among the options already.
  if (element instanceof HTMLSelectElement && typeof next.props.value === 'string') element.value = next.props.value;
}

function setProp(element: Element, name: string, value: unknown): void {
  if (name === 'key' || name === 'shown') return;
  if (name.startsWith('on')) {
    (element as unknown as Record<string, unknown>)[name] = value ?? null;
    return;
  }
  // What was typed or chosen is a property; the attribute is only what it began as.
  if (name === 'value' && (element instanceof HTMLInputElement || element instanceof HTMLSelectElement)) {
    if (element.value !== value) element.value = String(value ?? '');
    return;
  }
  if (value === undefined || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? '' : String(value));
}
