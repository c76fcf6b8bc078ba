/**
 * Patterns of our policies out of regular expressions, where these are simple enough. Pure. What comes out never means more than the
 * expression, taken as one for the whole text.
 */

const ALTERNATIVES_MAX = 64;
const LENGTH_MAX = 1024;
/** `.` is in host names mostly where a dot is meant. */
const LITERAL = /^[\w\-/:@.]$/;

/** Undefined for what no list of patterns can say. */
export function patternsOf(expression: string): string[] | undefined {
  if (expression === '*') return ['*'];
  if (expression.length > LENGTH_MAX) return undefined;
  const text = expression.replace(/^\^/, '').replace(/(?<!\\)\$$/, '');
  const found = new Reader(text).read();
  return found === undefined ? undefined : [...new Set(found.map((pattern) => pattern.replace(/\*+/g, '*')))];
}

/** Alternatives, groups of them, escaped characters, `.*`; anything else is too much. */
class Reader {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  read(): string[] | undefined {
    const found = this.alternatives();
    return this.at === this.text.length ? found : undefined;
  }

  private alternatives(): string[] | undefined {
    const all: string[] = [];
    for (;;) {
      const branch = this.sequence();
      if (branch === undefined || all.length + branch.length > ALTERNATIVES_MAX) return undefined;
      all.push(...branch);
      if (this.text[this.at] !== '|') return all;
      this.at += 1;
    }
  }

  private sequence(): string[] | undefined {
    let heads = [''];
    while (this.at < this.text.length && this.text[this.at] !== '|' && this.text[this.at] !== ')') {
      const tails = this.piece();
      if (tails === undefined || heads.length * tails.length > ALTERNATIVES_MAX) return undefined;
      heads = heads.flatMap((head) => tails.map((tail) => head + tail));
    }
    return heads;
  }

  private piece(): string[] | undefined {
    const found = this.single();
    // A repetition of anything but `.` is no pattern.
    return /[*+?{]/.test(this.text[this.at] ?? '') ? undefined : found;
  }

  private single(): string[] | undefined {
    const { text, at } = this;
    if (text.startsWith('.*', at)) {
      this.at += 2;
      return ['*'];
    }
    if (text[at] === '(') return this.group();
    const isEscaped = text[at] === '\\';
    const character = text[isEscaped ? at + 1 : at] ?? '';
    this.at += isEscaped ? 2 : 1;
    if (isEscaped) return /[^\w*]/.test(character) ? [character] : undefined;
    return LITERAL.test(character) ? [character] : undefined;
  }

  private group(): string[] | undefined {
    this.at += this.text.startsWith('(?:', this.at) ? 3 : 1;
    const found = this.alternatives();
    if (this.text[this.at] !== ')') return undefined;
    this.at += 1;
    return found;
  }
}
